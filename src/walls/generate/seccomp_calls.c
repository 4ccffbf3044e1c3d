// SPDX-License-Identifier: Apache-2.0
/*
 * Runs when rung is built: writes the table of system calls of one machine as C.
 *
 *	seccomp_calls CPU-FAMILY	(as Meson says it: x86_64, aarch64, …)
 *
 * The numbers come from libseccomp, which follows the kernel's tables of all
 * architectures; what its version is too old for is listed below. So rung carries
 * the tables of one machine instead of eighteen and need not link the library,
 * and a look-up costs twenty nanoseconds once a name instead of a hundred for
 * each architecture, of which Docker's policy would need thirteen hundred.
 */
#include "../seccomp_hash.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS 3
#define NAMES_MAX 2048
#define NUMBERS_MAX 7000 /* MIPS counts from 4000, 5000 and 6000 */
#define ARM_PRIVATE 0x0f0000

struct column {
	const char *name;
	uint32_t library_id;
	const char *audit_id, *first;
	uint32_t common_base;
	bool narrow;
};

/* A machine's own architecture first, then those its kernel runs as well. */
static const struct family {
	const char *cpu;
	struct column columns[COLUMNS];
} families[] = {
	{"x86_64", {{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, "AUDIT_ARCH_X86_64", "0", 0, false},
			   {"SCMP_ARCH_X86", SCMP_ARCH_X86, "AUDIT_ARCH_I386", "0", 0, true},
			   {"SCMP_ARCH_X32", SCMP_ARCH_X32, "AUDIT_ARCH_X86_64",
				   "SECCOMP_X32_FIRST", 0x40000000, true}}},
	{"x86", {{"SCMP_ARCH_X86", SCMP_ARCH_X86, "AUDIT_ARCH_I386", "0", 0, true}}},
	{"aarch64", {{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, "AUDIT_ARCH_AARCH64", "0", 0, false},
			    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM, "AUDIT_ARCH_ARM", "0", 0, true}}},
	{"arm", {{"SCMP_ARCH_ARM", SCMP_ARCH_ARM, "AUDIT_ARCH_ARM", "0", 0, true}}},
	{"riscv64",
		{{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, "AUDIT_ARCH_RISCV64", "0", 0, false}}},
	{"ppc64", {{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE, "AUDIT_ARCH_PPC64LE", "0", 0, false}}},
	{"s390x", {{"SCMP_ARCH_S390X", SCMP_ARCH_S390X, "AUDIT_ARCH_S390X", "0", 0, false},
			  {"SCMP_ARCH_S390", SCMP_ARCH_S390, "AUDIT_ARCH_S390", "0", 0, true}}},
	{"mips64", {{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64, "AUDIT_ARCH_MIPSEL64", "0", 5000,
			    false},
			   {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL, "AUDIT_ARCH_MIPSEL", "0", 4000,
				   true},
			   {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32,
				   "AUDIT_ARCH_MIPSEL64N32", "0", 6000, true}}},
};

/* Calls that have one number everywhere, above the architecture's common base. */
static const struct newer {
	const char *name;
	int number;
} newer[] = {
	{"cachestat", 451},         /* Linux 6.5 */
	{"fchmodat2", 452},         /* 6.6 */
	{"map_shadow_stack", 453},  /* 6.6 */
	{"futex_wake", 454},        /* 6.7 */
	{"futex_wait", 455},        /* 6.7 */
	{"futex_requeue", 456},     /* 6.7 */
	{"statmount", 457},         /* 6.8 */
	{"listmount", 458},         /* 6.8 */
	{"lsm_get_self_attr", 459}, /* 6.8 */
	{"lsm_set_self_attr", 460}, /* 6.8 */
	{"lsm_list_modules", 461},  /* 6.8 */
	{"mseal", 462},             /* 6.10 */
	{"setxattrat", 463},        /* 6.13 */
	{"getxattrat", 464},        /* 6.13 */
	{"listxattrat", 465},       /* 6.13 */
	{"removexattrat", 466},     /* 6.13 */
	{"open_tree_attr", 467},    /* 6.15 */
	{"file_getattr", 468},      /* 6.17 */
	{"file_setattr", 469},      /* 6.17 */
	{"listns", 470},            /* 6.19 */
	{"rseq_slice_yield", 471},  /* 7.0 */
};

/* And what x86-64 alone has: the ways out of the kernel's own uprobe trampolines. */
static const struct newer newer_x86_64[] = {
	{"uretprobe", 335}, /* 6.11 */
	{"uprobe", 336},    /* 6.18 */
};

/*
 * Some architectures carry the calls on sockets in socketcall(2) and those on
 * System V IPC in ipc(2). Of such a call libseccomp tells only -100 - n or -200 - n,
 * n being what it is carried as. The call may exist by itself too; -1 where it
 * does not.
 */
static const struct direct {
	const char *name;
	int x86, s390, powerpc, mips;
} direct_calls[] = {
	{"accept", -1, -1, 330, 4168},
	{"accept4", 364, 364, 344, 4334},
	{"bind", 361, 361, 327, 4169},
	{"connect", 362, 362, 328, 4170},
	{"getpeername", 368, 368, 332, 4171},
	{"getsockname", 367, 367, 331, 4172},
	{"getsockopt", 365, 365, 340, 4173},
	{"listen", 363, 363, 329, 4174},
	{"msgctl", 402, 402, 402, 4402},
	{"msgget", 399, 399, 399, 4399},
	{"msgrcv", 401, 401, 401, 4401},
	{"msgsnd", 400, 400, 400, 4400},
	{"recv", -1, -1, 336, 4175},
	{"recvfrom", 371, 371, 337, 4176},
	{"recvmmsg", 337, 357, 343, 4335},
	{"recvmsg", 372, 372, 342, 4177},
	{"semctl", 394, 394, 394, 4394},
	{"semget", 393, 393, 393, 4393},
	{"semtimedop", -1, 392, 392, -1},
	{"send", -1, -1, 334, 4178},
	{"sendmmsg", 345, 358, 349, 4343},
	{"sendmsg", 370, 370, 341, 4179},
	{"sendto", 369, 369, 335, 4180},
	{"setsockopt", 366, 366, 339, 4181},
	{"shmat", 397, 397, 397, 4397},
	{"shmctl", 396, 396, 396, 4396},
	{"shmdt", 398, 398, 398, 4398},
	{"shmget", 395, 395, 395, 4395},
	{"shutdown", 373, 373, 338, 4182},
	{"socket", 359, 359, 326, 4183},
	{"socketpair", 360, 360, 333, 4184},
};

static struct row {
	char *name;
	int numbers[COLUMNS];
	int carrier, carried_as; /* carrier: 0 none, 1 socketcall, 2 ipc */
} rows[NAMES_MAX];
static size_t row_count;

static struct row *row_for(const char *name)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	if (row_count == NAMES_MAX) {
		fputs("seccomp_calls: too many names\n", stderr);
		exit(1);
	}
	struct row *row = &rows[row_count++];
	row->name = strdup(name);
	for (size_t c = 0; c < COLUMNS; c++)
		row->numbers[c] = -1;
	return row;
}

static int direct_number(uint32_t library_id, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(direct_calls); i++) {
		const struct direct *call = &direct_calls[i];
		if (strcmp(call->name, name) != 0)
			continue;
		if (library_id == SCMP_ARCH_X86)
			return call->x86;
		if (library_id == SCMP_ARCH_S390 || library_id == SCMP_ARCH_S390X)
			return call->s390;
		if (library_id == SCMP_ARCH_PPC64LE)
			return call->powerpc;
		return library_id == SCMP_ARCH_MIPSEL ? call->mips : -1;
	}
	return -1;
}

static void collect_newer(const struct column *column, size_t c, const struct newer *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct row *row = row_for(list[i].name);
		/* Where the library knows the name, it also knows where it does not exist. */
		if (column && seccomp_syscall_resolve_name(list[i].name) == __NR_SCMP_ERROR)
			row->numbers[c] = (int)column->common_base + list[i].number;
	}
}

/* walls/seccomp_rules.c sorts by the low twenty bits. */
static int checked(const struct column *column, int number)
{
	if ((number - (int)(column->common_base & 0x40000000)) >> 20 != 0) {
		fputs("seccomp_calls: a number has more than twenty bits\n", stderr);
		exit(1);
	}
	return number;
}

static void take_name(const struct column *column, size_t c, const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(column->library_id, name);
	if (number == __NR_SCMP_ERROR)
		return;
	struct row *row = row_for(name);
	if (number >= 0) {
		row->numbers[c] = checked(column, number);
	} else if (number <= -100 && number > -300) {
		row->carrier = number > -200 ? 1 : 2;
		row->carried_as = number > -200 ? -number - 100 : -number - 200;
		row->numbers[c] = direct_number(column->library_id, name);
	}
}

static void collect_names(const struct column *column, int from, int to)
{
	for (int number = from; number < to; number++) {
		char *name = seccomp_syscall_resolve_num_arch(column->library_id, number);
		if (name)
			(void)row_for(name);
		free(name);
	}
}

/*
 * The names of all architectures, although one machine's numbers are asked for: a
 * name from elsewhere is not unknown, it only has no number here.
 */
static void collect(const struct family *family)
{
	for (size_t f = 0; f < ARRAY_LENGTH(families); f++)
		for (size_t c = 0; c < COLUMNS && families[f].columns[c].name; c++) {
			const struct column *column = &families[f].columns[c];
			int base = (int)column->common_base;
			collect_names(column, base, base + NUMBERS_MAX);
			collect_names(column, ARM_PRIVATE, ARM_PRIVATE + 16);
		}
	for (size_t i = 0; i < ARRAY_LENGTH(direct_calls); i++)
		(void)row_for(direct_calls[i].name);

	for (size_t c = 0; c < COLUMNS && family->columns[c].name; c++) {
		const struct column *column = &family->columns[c];
		for (size_t i = 0; i < row_count; i++)
			take_name(column, c, rows[i].name);
		collect_newer(column, c, newer, ARRAY_LENGTH(newer));
		collect_newer(column->library_id == SCMP_ARCH_X86_64 ? column : NULL, c,
			newer_x86_64, ARRAY_LENGTH(newer_x86_64));
	}
}

static int carrier_number(const struct column *column, const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(column->library_id, name);
	return number >= 0 ? number : -1;
}

static void write_architectures(const struct family *family)
{
	size_t count = 0;
	puts("const struct seccomp_architecture seccomp_architectures[] = {");
	for (; count < COLUMNS && family->columns[count].name; count++) {
		const struct column *column = &family->columns[count];
		printf("\t{\"%s\", %s, %s, %uu, {-1, %d, %d}, %s, %zu},\n", column->name,
			column->audit_id, column->first, column->common_base,
			carrier_number(column, "socketcall"), carrier_number(column, "ipc"),
			column->narrow ? "true" : "false", count);
	}
	printf("};\nconst size_t seccomp_architecture_count = %zu;\n\n", count);
}

/* One string for all names, so that the program has no pointers to relocate. */
static void write_rows(void)
{
	puts("const char seccomp_names[] =");
	for (size_t i = 0; i < row_count; i++)
		printf("\t\"%s\\0\"\n", rows[i].name);
	puts("\t;\n\nconst struct seccomp_call seccomp_calls[] = {");
	size_t offset = 0;
	for (size_t i = 0; i < row_count; i++) {
		const struct row *row = &rows[i];
		printf("\t{%zu, %d, %d, {%d, %d, %d}},\n", offset, row->carrier, row->carried_as,
			row->numbers[0], row->numbers[1], row->numbers[2]);
		offset += strlen(row->name) + 1;
	}
	puts("};\n");
}

/* Open addressing, at most half full; 0 is an empty slot, i + 1 is row i. */
static void write_slots(void)
{
	static unsigned slots[SECCOMP_SLOTS];
	if (row_count * 2 > SECCOMP_SLOTS) {
		fputs("seccomp_calls: SECCOMP_SLOTS is too small\n", stderr);
		exit(1);
	}
	for (size_t i = 0; i < row_count; i++) {
		uint32_t slot = seccomp_slot(rows[i].name);
		while (slots[slot])
			slot = (slot + 1) % SECCOMP_SLOTS;
		slots[slot] = (unsigned)i + 1;
	}
	puts("const uint16_t seccomp_slots[SECCOMP_SLOTS] = {");
	for (size_t i = 0; i < SECCOMP_SLOTS; i++)
		printf("%u,%s", slots[i], i % 16 == 15 ? "\n" : "");
	puts("};");
}

int main(int argc, char **argv)
{
	const struct family *family = NULL;
	for (size_t f = 0; argc == 2 && f < ARRAY_LENGTH(families); f++)
		if (strcmp(families[f].cpu, argv[1]) == 0)
			family = &families[f];
	if (!family) {
		fprintf(stderr, "seccomp_calls: no tables for \"%s\"\n", argc == 2 ? argv[1] : "");
		return 1;
	}
	collect(family);
	puts("/* Written by generate/seccomp_calls.c when rung was built. */\n"
	     "#include \"walls/seccomp_parts.h\"\n\n"
	     "#include <linux/audit.h>\n");
	write_architectures(family);
	write_rows();
	write_slots();
	for (size_t i = 0; i < row_count; i++)
		free(rows[i].name);
	return fflush(stdout) == 0 ? 0 : 1;
}
