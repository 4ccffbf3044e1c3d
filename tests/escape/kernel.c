// SPDX-License-Identifier: Apache-2.0

/*
 * The machine itself. Each call has arguments that make no sense, so that a kernel which allows it
 * does nothing: what counts is whether it refuses for lack of rights or gets as far as the
 * arguments. Devices are opened and closed again.
 */

#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <sys/io.h>
static int all_ports(void)
{
	return iopl(3);
}
#else
static int all_ports(void)
{
	errno = ENOSYS;
	return -1;
}
#endif

enum verdict attempt_bpf_program(void)
{
	union bpf_attr nonsense = {};
	memset(&nonsense, 0xff, sizeof(nonsense));
	return reached_if_built(
		syscall(SYS_bpf, BPF_PROG_LOAD, &nonsense, sizeof(nonsense)), "bpf");
}

enum verdict attempt_performance_events(void)
{
	struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(event),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1,
		.exclude_hv = 1};
	return reached_if_built(
		syscall(SYS_perf_event_open, &event, 0, -1, -1, 0), "perf_event_open");
}

enum verdict attempt_new_kernel(void)
{
	enum { NONSENSE_FLAGS = 0xff };
	return reached_if_built(syscall(SYS_kexec_load, 0, 0, NULL, NONSENSE_FLAGS), "kexec_load");
}

enum verdict attempt_load_module(void)
{
	return reached_if_built(syscall(SYS_init_module, "no module", 9, ""), "init_module");
}

enum verdict attempt_load_module_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return reached_if_built(syscall(SYS_finit_module, fd, "", 0), "finit_module");
}

enum verdict attempt_unload_module(void)
{
	return reached_if_built(
		syscall(SYS_delete_module, "rung_escape", O_NONBLOCK), "delete_module");
}

enum verdict attempt_swap_on(void)
{
	return reached_if_built(swapon("/proc/self/exe", 0), "swapon");
}

enum verdict attempt_disk_quota(void)
{
	return reached_if_built(
		quotactl(QCMD(Q_QUOTAON, USRQUOTA), "/dev/null", 2, "/nowhere"), "quotactl");
}

/* A directory is no file for it: were it on, it stays on. */
enum verdict attempt_accounting(void)
{
	return reached_if_built(acct("/"), "acct");
}

enum verdict attempt_restart_machine(void)
{
	return reached(syscall(SYS_reboot, 1, 2, 3, NULL), "reboot");
}

enum verdict attempt_set_clock(void)
{
	struct timex impossible_tick = {.modes = ADJ_TICK, .tick = 1};
	return reached(clock_adjtime(CLOCK_REALTIME, &impossible_tick), "clock_adjtime");
}

enum verdict attempt_set_host_name(void)
{
	return reached(syscall(SYS_sethostname, "", 65), "sethostname");
}

enum verdict attempt_port_access(void)
{
	return reached_if_built(all_ports(), "iopl");
}

enum verdict attempt_kernel_log(void)
{
	enum { READ_ALL = 3 };
	char bytes[256];
	return reached_if_built(klogctl(READ_ALL, bytes, sizeof(bytes)), "syslog");
}

/* Escaped when one of the devices can be opened, held when one is there and cannot. */
static enum verdict open_devices(const char *const *paths, int flags)
{
	bool refused = access("/dev/console", F_OK) < 0 && access("/dev/kmsg", F_OK) < 0;
	for (; *paths; paths++) {
		int fd = open(*paths, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			return escaped("%s is open", *paths);
		refused |= errno == EPERM || errno == EACCES;
	}
	return refused ? held("/dev") : impossible("no such device is here");
}

enum verdict attempt_kernel_log_device(void)
{
	return open_devices((const char *const[]){"/dev/kmsg", "/proc/kmsg", NULL}, O_RDONLY);
}

enum verdict attempt_memory_device(void)
{
	return open_devices(
		(const char *const[]){"/dev/mem", "/dev/port", "/dev/kmem", NULL}, O_RDONLY);
}

enum verdict attempt_block_device(void)
{
	return open_devices(
		(const char *const[]){"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0",
			"/dev/root", "/dev/dm-0", "/dev/mmcblk0", "/dev/ram0", NULL},
		O_RDONLY);
}

enum verdict attempt_input_device(void)
{
	return open_devices(
		(const char *const[]){"/dev/uinput", "/dev/uhid", "/dev/hidraw0",
			"/dev/input/event0", "/dev/input/mice", "/dev/bus/usb/001/001", NULL},
		O_RDONLY);
}

enum verdict attempt_virtual_machine(void)
{
	return open_devices((const char *const[]){"/dev/kvm", "/dev/fuse", "/dev/net/tun",
				    "/dev/loop-control", "/dev/vhost-net", "/dev/vhost-vsock",
				    "/dev/vsock", "/dev/mapper/control", NULL},
		O_RDWR);
}

enum verdict attempt_real_time_clock(void)
{
	/* The watchdog is not opened: that starts it. */
	return open_devices(
		(const char *const[]){"/dev/rtc0", "/dev/tty0", "/dev/tty1", "/dev/vcs",
			"/dev/snapshot", "/dev/cpu_dma_latency", "/dev/hwrng", "/dev/cpu/0/msr",
			"/dev/btrfs-control", "/dev/autofs", "/dev/ptp0", "/dev/userfaultfd", NULL},
		O_RDONLY);
}
