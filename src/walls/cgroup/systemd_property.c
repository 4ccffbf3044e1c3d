// SPDX-License-Identifier: Apache-2.0

/*
 * Properties of a unit as D-Bus wants them: (name, variant) pairs
 * (org.freedesktop.systemd1(5), systemd.resource-control(5)).
 *
 * Limits are told to systemd although apply.c writes the files afterwards: on
 * `systemctl daemon-reload` systemd writes what it knows once more, and a limit it
 * was not told would be gone. What has no property (huge pages, RDMA …) it leaves alone.
 */

#include "walls/cgroup/systemd.h"

#include "base/error.h"
#include "walls/cgroup/bus_wire.h"
#include "walls/cgroup/internal.h"

#include <errno.h>

static void begin(struct text *out, const char *name, const char *type)
{
	bus_put_struct(out);
	bus_put_string(out, name);
	bus_put_signature(out, type);
}

void systemd_property_string(struct text *out, const char *name, const char *value)
{
	begin(out, name, "s");
	bus_put_string(out, value);
}

void systemd_property_bool(struct text *out, const char *name, bool value)
{
	begin(out, name, "b");
	bus_put_bool(out, value);
}

void systemd_property_u64(struct text *out, const char *name, uint64_t value)
{
	begin(out, name, "t");
	bus_put_u64(out, value);
}

void systemd_property_pids(struct text *out, pid_t pid)
{
	begin(out, "PIDs", "au");
	struct bus_array array = bus_open_array(out, 4);
	bus_put_u32(out, (uint32_t)pid);
	bus_close_array(out, array);
}

/* ---- annotations ------------------------------------------------------------------ */

static int bad_annotation(const char *name, const char *value)
{
	int r = refuse(
		-EINVAL, "annotation org.systemd.property.%s: cannot read \"%s\"", name, value);
	hint("values are GVariant text: true, 'text', 5, uint64 5, ['a','b']");
	return r;
}

static bool is_letters(const char *name)
{
	return name[0] &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name);
}

/* A quoted text at *at; moves behind it. NULL: none, or not ended. */
static char *quoted(const char **at, struct arena *arena)
{
	const char *from = *at;
	char quote = *from;
	if (quote != '\'' && quote != '"')
		return NULL;
	char *out = arena_alloc(arena, strlen(from) + 1), *to = out;
	for (from++; *from && *from != quote; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (*from != quote)
		return NULL;
	*to = '\0';
	*at = from + 1;
	return out;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static bool put_strings(struct text *out, const char *name, const char *value)
{
	autofini(arena_fini) struct arena arena = {};
	begin(out, name, "as");
	struct bus_array array = bus_open_array(out, 4);
	const char *at = skip_blanks(value + 1);
	while (*at != ']') {
		const char *item = quoted(&at, &arena);
		if (!item)
			return false;
		bus_put_string(out, item);
		at = skip_blanks(at);
		if (*at != ',' && *at != ']')
			return false;
		at = skip_blanks(at + (*at == ','));
	}
	bus_close_array(out, array);
	return at[1] == '\0';
}

static const struct integer_type {
	const char *word, *signature;
	int64_t lowest;
	uint64_t highest;
} integer_types[] = {
	{"byte", "y", 0, UINT8_MAX}, {"int16", "n", INT16_MIN, INT16_MAX},
	{"uint16", "q", 0, UINT16_MAX}, {"int32", "i", INT32_MIN, INT32_MAX},
	{"uint32", "u", 0, UINT32_MAX}, {"int64", "x", INT64_MIN, INT64_MAX},
	{"uint64", "t", 0, UINT64_MAX}, {"", "i", INT32_MIN, INT32_MAX}, /* GVariant's default */
};

static bool parse_integer(const char *text, const struct integer_type *type, uint64_t *ret_bits)
{
	int64_t negative;
	if (text[0] != '-')
		return parse_uint64(text, type->highest, ret_bits) == 0;
	if (parse_int64(text, type->lowest, 0, &negative) < 0)
		return false;
	*ret_bits = (uint64_t)negative;
	return true;
}

static bool put_integer(struct text *out, const char *name, const char *value)
{
	for (size_t i = 0; i < array_length(integer_types); i++) {
		const struct integer_type *type = &integer_types[i];
		size_t length = strlen(type->word);
		if (strncmp(value, type->word, length) != 0 || (length && value[length] != ' '))
			continue;
		uint64_t bits;
		if (!parse_integer(skip_blanks(value + length), type, &bits))
			return false;
		begin(out, name, type->signature);
		switch (type->signature[0]) {
		case 'y':
			bus_put_byte(out, (uint8_t)bits);
			break;
		case 'n':
		case 'q':
			bus_put_u16(out, (uint16_t)bits);
			break;
		case 'i':
		case 'u':
			bus_put_u32(out, (uint32_t)bits);
			break;
		default:
			bus_put_u64(out, bits);
		}
		return true;
	}
	return false;
}

/* "TimeoutStopSec=1.5" is "TimeoutStopUSec" = 1500000 on the bus; runc reads it so. */
static bool put_seconds(struct text *out, const char *name, const char *value)
{
	for (size_t i = 0; i < array_length(integer_types); i++) {
		size_t length = strlen(integer_types[i].word);
		if (length && strncmp(value, integer_types[i].word, length) == 0)
			value = skip_blanks(value + length);
	}
	char *end;
	double seconds = strtod(value, &end);
	if (end == value || *end != '\0' || !(seconds >= 0 && seconds < 1e12))
		return false;
	autofini(text_fini) struct text usec = {};
	text_add_bytes(&usec, name, strlen(name) - strlen("Sec"));
	text_add(&usec, "USec");
	systemd_property_u64(out, text_get(&usec), (uint64_t)(seconds * 1e6));
	return true;
}

int systemd_property_annotation(struct text *out, const char *name, const char *value)
{
	autofini(arena_fini) struct arena arena = {};
	value = skip_blanks(value);
	const char *at = value;
	if (!is_letters(name))
		return refuse(-EINVAL,
			"annotation org.systemd.property.%s: no property is called so", name);
	if (value[0] == '\'' || value[0] == '"') {
		const char *string = quoted(&at, &arena);
		if (!string || *at)
			return bad_annotation(name, value);
		systemd_property_string(out, name, string);
		return 0;
	}
	if (text_equal(value, "true") || text_equal(value, "false")) {
		systemd_property_bool(out, name, value[0] == 't');
		return 0;
	}
	bool fits = value[0] == '[' ? put_strings(out, name, value)
		    : text_ends(name, "Sec") && !text_ends(name, "USec")
			    ? put_seconds(out, name, value)
			    : put_integer(out, name, value);
	return fits ? 0 : bad_annotation(name, value);
}

/* ---- limits ------------------------------------------------------------------------------ */

int systemd_cpu_mask(const char *list, struct arena *arena, uint8_t **ret_bytes, size_t *ret_length)
{
	enum { CPUS_MAX = 8192 };
	uint8_t *bytes = arena_alloc(arena, CPUS_MAX / 8);
	size_t length = 0;
	for (const char *at = list; *at;) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;
		bool digits = *at >= '0' && *at <= '9';
		if (digits && *end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoul(end + 1, &end, 10);
		if (!digits || first > last || last >= CPUS_MAX || (*end != ',' && *end != '\0'))
			return refuse(-EINVAL, "CPU set: \"%s\" is no list like 0-2,8", list);
		for (unsigned long n = first; n <= last; n++)
			bytes[n / 8] |= (uint8_t)(1U << (n % 8));
		if (last / 8 + 1 > length)
			length = last / 8 + 1;
		at = end + (*end == ',');
	}
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static int put_mask(struct text *out, const char *name, const char *list)
{
	autofini(arena_fini) struct arena arena = {};
	uint8_t *bytes = NULL;
	size_t length = 0;
	if (text_empty(list))
		return 0;
	int r = systemd_cpu_mask(list, &arena, &bytes, &length);
	if (r < 0)
		return r;
	begin(out, name, "ay");
	struct bus_array array = bus_open_array(out, 1);
	text_add_bytes(out, bytes, length);
	bus_close_array(out, array);
	return 0;
}

/* -1 is systemd's "infinity", UINT64_MAX. */
static void put_limit(struct text *out, const char *name, struct optional_i64 limit)
{
	if (limit.given && limit.value != 0)
		systemd_property_u64(out, name, (uint64_t)limit.value);
}

static void put_quota(struct text *out, const struct plan_resources *resources)
{
	if (resources->cpu_period.given && resources->cpu_period.value != 0)
		systemd_property_u64(out, "CPUQuotaPeriodUSec", resources->cpu_period.value);
	if (!resources->cpu_quota.given || resources->cpu_quota.value == 0)
		return;
	uint64_t period = resources->cpu_period.given && resources->cpu_period.value
				  ? resources->cpu_period.value
				  : 100000;
	uint64_t per_second = UINT64_MAX;
	/* systemd keeps whole percents and rounds down: round up, never less than asked for. */
	if (resources->cpu_quota.value > 0 && resources->cpu_quota.value < INT64_MAX / 1000000)
		per_second = ((uint64_t)resources->cpu_quota.value * 1000000 / period + 9999) /
			     10000 * 10000;
	systemd_property_u64(out, "CPUQuotaPerSecUSec", per_second);
}

static const struct {
	const char *file, *property;
} unified_numbers[] = {
	{"cpu.weight", "CPUWeight"},
	{"memory.min", "MemoryMin"},
	{"memory.low", "MemoryLow"},
	{"memory.high", "MemoryHigh"},
	{"memory.max", "MemoryMax"},
	{"memory.swap.max", "MemorySwapMax"},
	{"pids.max", "TasksMax"},
};

static int put_unified(struct text *out, const struct plan_key_value *pair)
{
	if (text_equal(pair->key, "cpuset.cpus"))
		return put_mask(out, "AllowedCPUs", pair->value);
	if (text_equal(pair->key, "cpuset.mems"))
		return put_mask(out, "AllowedMemoryNodes", pair->value);
	for (size_t i = 0; i < array_length(unified_numbers); i++) {
		uint64_t value = UINT64_MAX;
		if (!text_equal(pair->key, unified_numbers[i].file))
			continue;
		/* A value that is no number is for the kernel to judge, when it is written. */
		if (text_equal(pair->value, "max") ||
			parse_uint64(pair->value, UINT64_MAX, &value) == 0)
			systemd_property_u64(out, unified_numbers[i].property, value);
	}
	return 0;
}

static int limits_v2(struct text *out, const struct plan_resources *resources)
{
	bool given = false;
	int64_t swap = 0;
	put_limit(out, "MemoryMax", resources->memory_limit);
	put_limit(out, "MemoryLow", resources->memory_reservation);
	/* Without the memory limit at hand (an update of swap alone) the file has the last word. */
	if (resources->memory_limit.given || resources->memory_swap.value == -1) {
		int r = cgroup_swap_of_memsw(
			resources->memory_swap.given ? resources->memory_swap.value : 0,
			resources->memory_limit.given ? resources->memory_limit.value : 0, &given,
			&swap);
		if (r < 0)
			return r;
	}
	if (given)
		systemd_property_u64(out, "MemorySwapMax", (uint64_t)swap);
	bool idle = resources->cpu_idle.given && resources->cpu_idle.value != 0;
	if (!idle && resources->cpu_shares.given && resources->cpu_shares.value != 0)
		systemd_property_u64(
			out, "CPUWeight", cgroup_weight_of_shares(resources->cpu_shares.value));
	if (resources->block_weight.given && resources->block_weight.value != 0)
		systemd_property_u64(
			out, "IOWeight", cgroup_io_weight(resources->block_weight.value));
	int r = put_mask(out, "AllowedCPUs", resources->cpuset_cpus);
	if (r == 0)
		r = put_mask(out, "AllowedMemoryNodes", resources->cpuset_mems);
	for (size_t i = 0; r == 0 && i < resources->unified_count; i++)
		r = put_unified(out, &resources->unified[i]);
	return r;
}

int systemd_property_limits(struct text *out, const struct plan_resources *resources, bool v2)
{
	int r = 0;
	if (v2) {
		r = limits_v2(out, resources);
	} else {
		put_limit(out, "MemoryLimit", resources->memory_limit);
		if (resources->cpu_shares.given && resources->cpu_shares.value != 0)
			systemd_property_u64(out, "CPUShares", resources->cpu_shares.value);
		if (resources->block_weight.given && resources->block_weight.value != 0)
			systemd_property_u64(out, "BlockIOWeight", resources->block_weight.value);
	}
	if (r < 0)
		return r;
	put_quota(out, resources);
	if (resources->pids_limit.given)
		systemd_property_u64(out, "TasksMax",
			resources->pids_limit.value > 0 ? (uint64_t)resources->pids_limit.value
							: UINT64_MAX);
	return 0;
}
