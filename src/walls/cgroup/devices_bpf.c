// SPDX-License-Identifier: Apache-2.0

/*
 * Device rules, v2: there is no devices controller; a BPF program of type
 * CGROUP_DEVICE is asked at every open and mknod (bpf-helpers(7),
 * Documentation/admin-guide/cgroup-v2.rst "Device controller").
 *
 * In: struct bpf_cgroup_dev_ctx {u32 access_type; u32 major; u32 minor}, where
 * access_type is (access << 16) | type. Out: 1 allowed, 0 refused (EPERM).
 *
 * The rules mean: for every bit asked for (r, w, m), the last rule that matches
 * device and bit decides; all bits have to be allowed. The program therefore
 * goes from the last rule to the first and keeps the undecided bits in r2:
 *
 *	match?            no: next rule
 *	deny rule         any undecided bit in it: return 0
 *	allow rule        take its bits off; none left: return 1
 *
 * crun compares all bits at once, so that after "allow rwm, deny w" a request for
 * "rw" slips through; per bit it cannot. Bits that no rule decides
 * are refused if the first rule is a denial of everything or there is an allow rule
 * at all (a list of what is allowed), else granted (a list of what is denied). Rules before the
 *last one that decides everything never run, so they are left out.
 *
 * Attaching: with BPF_F_ALLOW_MULTI the program works together with those above
 * it. A second one on the same cgroup (an update) is attached before the old one
 * is detached: for a moment both hold, never none.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/resource.h>

#define PROGRAMS_MAX 64 /* BPF_CGROUP_MAX_PROGS of the kernel */

#define PROGRAM_NAME "rung_devices"

/* Registers of the program. r1 comes with the context; the rest is free until exit. */
enum { R_RESULT = 0, R_CONTEXT = 1, R_BITS = 2, R_TYPE = 3, R_MAJOR = 4, R_MINOR = 5, R_HELP = 6 };

struct program {
	struct bpf_insn *items;
	size_t count, room;
	struct arena *arena;
};

static void emit(struct program *program, struct bpf_insn instruction)
{
	if (program->count == program->room) {
		size_t room = program->room ? program->room * 2 : 128;
		struct bpf_insn *larger = arena_new(program->arena, struct bpf_insn, room);
		if (program->count > 0)
			memcpy(larger, program->items, program->count * sizeof(*larger));
		program->items = larger;
		program->room = room;
	}
	program->items[program->count++] = instruction;
}

static void load_word(struct program *program, uint8_t to, int16_t offset)
{
	emit(program, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
			      .dst_reg = to,
			      .src_reg = R_CONTEXT,
			      .off = offset});
}

static void alu(struct program *program, uint8_t operation, uint8_t to, int32_t value)
{
	emit(program, (struct bpf_insn){.code = (uint8_t)(BPF_ALU | operation | BPF_K),
			      .dst_reg = to,
			      .imm = value});
}

static void copy(struct program *program, uint8_t to, uint8_t from)
{
	emit(program, (struct bpf_insn){
			      .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from});
}

/* Compares 64 bits; loads and 32 bit operations leave the upper half zero, and a
 * negative immediate would be sign-extended: device numbers above 2^31 do not exist (20 bits). */
static size_t jump(struct program *program, uint8_t condition, uint8_t reg, int32_t value)
{
	emit(program, (struct bpf_insn){.code = (uint8_t)(BPF_JMP | condition | BPF_K),
			      .dst_reg = reg,
			      .imm = value});
	return program->count - 1;
}

static void leave(struct program *program, int32_t result)
{
	alu(program, BPF_MOV, R_RESULT, result);
	emit(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

static int32_t rule_bits(const struct plan_device_rule *rule)
{
	if (rule->type == 'a' && !rule->read && !rule->write && !rule->mknod)
		return BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
	return (rule->read ? BPF_DEVCG_ACC_READ : 0) | (rule->write ? BPF_DEVCG_ACC_WRITE : 0) |
	       (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

static bool decides_everything(const struct plan_device_rule *rule)
{
	return rule->type == 'a' && rule->major < 0 && rule->minor < 0 &&
	       rule_bits(rule) == (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD);
}

static void emit_rule(struct program *program, const struct plan_device_rule *rule)
{
	size_t to_next[4], jumps = 0;
	int32_t bits = rule_bits(rule);
	if (bits == 0 || rule->major > INT32_MAX || rule->minor > INT32_MAX)
		return; /* matches nothing */
	if (rule->type != 'a')
		to_next[jumps++] = jump(program, BPF_JNE, R_TYPE,
			rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major >= 0)
		to_next[jumps++] = jump(program, BPF_JNE, R_MAJOR, (int32_t)rule->major);
	if (rule->minor >= 0)
		to_next[jumps++] = jump(program, BPF_JNE, R_MINOR, (int32_t)rule->minor);
	if (rule->allow) {
		alu(program, BPF_AND, R_BITS, ~bits);
		to_next[jumps++] = jump(program, BPF_JNE, R_BITS, 0);
		leave(program, 1);
	} else {
		copy(program, R_HELP, R_BITS);
		alu(program, BPF_AND, R_HELP, bits);
		to_next[jumps++] = jump(program, BPF_JEQ, R_HELP, 0);
		leave(program, 0);
	}
	for (size_t i = 0; i < jumps; i++)
		program->items[to_next[i]].off = (int16_t)(program->count - to_next[i] - 1);
}

static bool is_list_of_allowed(const struct plan_device_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].allow)
			return true;
	return count > 0 && decides_everything(&rules[0]);
}

void cgroup_device_program(const struct plan_device_rule *rules, size_t count, struct arena *arena,
	struct bpf_insn **ret_program, size_t *ret_length)
{
	struct program program = {.arena = arena};
	load_word(&program, R_BITS, 0);
	copy(&program, R_TYPE, R_BITS);
	alu(&program, BPF_AND, R_TYPE, 0xFFFF);
	alu(&program, BPF_RSH, R_BITS, 16);
	load_word(&program, R_MAJOR, 4);
	load_word(&program, R_MINOR, 8);

	for (size_t i = cgroup_default_device_count; i > 0; i--)
		emit_rule(&program, &cgroup_default_devices[i - 1]);
	bool granted = !is_list_of_allowed(rules, count);
	for (size_t i = count; i > 0; i--) {
		const struct plan_device_rule *rule = &rules[i - 1];
		if (decides_everything(rule)) {
			granted = rule->allow;
			break;
		}
		emit_rule(&program, rule);
	}
	leave(&program, granted);
	*ret_program = program.items;
	*ret_length = program.count;
}

static int bpf(int command, union bpf_attr *attributes)
{
	return kernel_result(syscall(SYS_bpf, command, attributes, sizeof(*attributes)));
}

static int load(const struct bpf_insn *program, size_t length)
{
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)length,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "Apache-2.0",
		.prog_name = PROGRAM_NAME,
	};
	int fd = bpf(BPF_PROG_LOAD, &attributes);
	if (fd != -EPERM && fd != -ENOMEM)
		return fd;
	/* Before Linux 5.11 programs count as locked memory. Never a reason to fail by itself. */
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	return setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0 ? bpf(BPF_PROG_LOAD, &attributes) : fd;
}

/* The ids of the at most PROGRAMS_MAX programs attached to this very cgroup. */
struct program_ids {
	uint32_t items[PROGRAMS_MAX], count;
};

static int attached(int cgroup_fd, struct program_ids *ret_ids)
{
	union bpf_attr attributes = {
		.query.target_fd = (uint32_t)cgroup_fd,
		.query.attach_type = BPF_CGROUP_DEVICE,
		.query.prog_ids = (uintptr_t)ret_ids->items,
		.query.prog_cnt = PROGRAMS_MAX,
	};
	int r = bpf(BPF_PROG_QUERY, &attributes);
	if (r < 0)
		return r;
	ret_ids->count = attributes.query.prog_cnt;
	return 0;
}

static bool is_ours(int program_fd)
{
	struct bpf_prog_info info = {};
	union bpf_attr attributes = {
		.info.bpf_fd = (uint32_t)program_fd,
		.info.info_len = sizeof(info),
		.info.info = (uintptr_t)&info,
	};
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0 &&
	       strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0;
}

/* Only what we attached earlier: systemd's program for DevicePolicy= stays beside ours. */
static int detach_old(int cgroup_fd, uint32_t id)
{
	union bpf_attr by_id = {.prog_id = id};
	autoclose int fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (!is_ours(fd))
		return 0;
	union bpf_attr attributes = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)fd,
		.attach_type = BPF_CGROUP_DEVICE,
	};
	int r = bpf(BPF_PROG_DETACH, &attributes);
	return r == -ENOENT ? 0 : r;
}

static int attach(int cgroup_fd, int program_fd)
{
	struct program_ids old = {};
	int r = attached(cgroup_fd, &old);
	if (r < 0)
		return r;
	union bpf_attr attributes = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)program_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	r = bpf(BPF_PROG_ATTACH, &attributes);
	for (uint32_t i = 0; r == 0 && i < old.count; i++)
		r = detach_old(cgroup_fd, old.items[i]);
	return r;
}

int cgroup_apply_devices_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	autofini(arena_fini) struct arena arena = {};
	struct bpf_insn *program;
	size_t length;
	cgroup_device_program(
		resources->device_rules, resources->device_rule_count, &arena, &program, &length);
	autoclose int fd = load(program, length);
	int r = fd < 0 ? fd : attach(directory->fd, fd);
	if (r == 0)
		return 0;
	if ((r == -EPERM || r == -EACCES) && (geteuid() != 0 || in_user_namespace())) {
		step("device rules left out: the kernel refuses BPF programs to this user");
		return 0;
	}
	r = fail(r, "device rules: %s a BPF program %s cgroup %s%s", fd < 0 ? "load" : "attach",
		fd < 0 ? "for" : "to", directory->place->mount_point, directory->place->path);
	if (r == -EPERM)
		hint("loading it needs CAP_BPF or CAP_SYS_ADMIN, and CONFIG_CGROUP_BPF in the "
		     "kernel");
	return r;
}
