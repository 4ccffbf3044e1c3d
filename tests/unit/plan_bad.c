// SPDX-License-Identifier: Apache-2.0

/*
 * Bad configurations, one per line: where the fragment stands, the fragment, and the
 * whole sentence that the user reads. Nothing else may happen to a bad file than that
 * sentence, so each case also checks that the plan stayed untouched.
 */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/oci.h"

enum place {
	WHOLE,   /* the document */
	TOP,     /* members beside ociVersion and root */
	PROCESS, /* the process object */
	MEMBER,  /* members of a process that has cwd and args */
	LINUX,   /* members of linux, all namespaces there */
	BARE,    /* members of linux, no namespaces */
	RESOURCE,
	SECCOMP,
	MOUNT,
};

static const char *const templates[] = {
	[WHOLE] = "%s",
	[TOP] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},%s}",
	[PROCESS] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":%s}",
	[MEMBER] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":"
		   "{\"cwd\":\"/\",\"args\":[\"a\"],%s}}",
	[LINUX] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":["
		"{\"type\":\"user\"},{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"mount\"}"
		","
		"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"cgroup\"},{\"type\":\"time\"}],"
		"%s}}",
	[BARE] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{%s}}",
	[RESOURCE] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":"
		     "{\"resources\":{%s}}}",
	[SECCOMP] =
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":{%s}}}",
	[MOUNT] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"mounts\":[{%s}]}",
};

static const struct {
	enum place place;
	const char *json, *message;
} cases[] = {
	/* JSON itself */
	{WHOLE, "", "line 1, column 1: expected a value, found the end"},
	{WHOLE, "{", "line 1, column 2: expected a member name in quotes, found the end"},
	{WHOLE, "[]", "expected an object, found an array"},
	{WHOLE, "null", "expected an object, found null"},
	{WHOLE, "{}x", "line 1, column 3: expected nothing more, found 'x'"},
	{WHOLE, "{a:1}", "line 1, column 2: expected a member name in quotes, found 'a'"},
	{WHOLE, "{'a':1}", "line 1, column 2: expected a member name in quotes, found '''"},
	{WHOLE, "{\"a\":1,}", "line 1, column 8: expected a member after ',', found '}'"},
	{WHOLE, "{\"a\":[1,]}", "a: line 1, column 9: expected a value after ',', found ']'"},
	{WHOLE, "{\"a\":[1\n 2]}", "a: line 2, column 2: expected ',' or ']', found '2'"},
	{WHOLE, "{\"a\":{\"b\" 1}}", "a.b: line 1, column 11: expected ':', found '1'"},
	{WHOLE, "{\"a\":tru}", "a: line 1, column 6: expected a value, found 't'"},
	{WHOLE, "{\"a\":NaN}", "a: line 1, column 6: expected a value, found 'N'"},
	{WHOLE, "{\"a\":-}", "a: line 1, column 7: expected a digit, found '}'"},
	{WHOLE, "{\"a\":0666}",
		"a: line 1, column 6: number with a leading zero (octal is not JSON)"},
	{WHOLE, "{\"a\":1.}", "a: line 1, column 8: expected a digit, found '}'"},
	{WHOLE, "{\"a\":1e}", "a: line 1, column 8: expected a digit, found '}'"},
	{WHOLE, "{\"a\":\"\\u0000\"}", "a: line 1, column 9: NUL in a string"},
	{WHOLE, "{\"a\":\"\\ud800x\"}", "a: line 1, column 13: half a surrogate pair in a string"},
	{WHOLE, "{\"a\":\"\\udc00\"}", "a: line 1, column 13: half a surrogate pair in a string"},
	{WHOLE, "{\"a\":\"\\u12g4\"}",
		"a: line 1, column 9: expected four hexadecimal digits, found '1'"},
	{WHOLE, "{\"a\":\"\\x\"}", "a: line 1, column 8: expected an escape, found 'x'"},
	{WHOLE, "{\"a\":\"b\nc\"}",
		"a: line 1, column 8: expected the end of the string, found byte 0x0a"},
	{WHOLE, "{\"a\":\"\xff\"}", "a: line 1, column 7: expected UTF-8, found byte 0xff"},
	{WHOLE, "{\"a\":\"\xc0\x80\"}", "a: line 1, column 7: expected UTF-8, found byte 0xc0"},
	{WHOLE, "\xef\xbb\xbf{}", "line 1, column 1: expected a value, found byte 0xef"},
	{WHOLE, "{} // c", "line 1, column 4: expected nothing more, found '/'"},

	/* the document */
	{WHOLE, "{}", "ociVersion: is missing"},
	{WHOLE, "{\"ociVersion\":null}", "ociVersion: is missing"},
	{WHOLE, "{\"ociVersion\":1}", "ociVersion: expected a string, found a number"},
	{WHOLE, "{\"ociVersion\":\"\"}", "ociVersion: is empty"},
	{WHOLE, "{\"ociVersion\":\"1.0.2\"}", "root: is missing"},
	{WHOLE, "{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"}}",
		"ociVersion: \"1.0\" is not a version like 1.3.0"},
	{WHOLE, "{\"ociVersion\":\"1.0.x\",\"root\":{\"path\":\"r\"}}",
		"ociVersion: \"1.0.x\" is not a version like 1.3.0"},
	{WHOLE, "{\"ociVersion\":\"01.0.0\",\"root\":{\"path\":\"r\"}}",
		"ociVersion: \"01.0.0\" is not a version like 1.3.0"},
	{WHOLE, "{\"ociVersion\":\"1.0.0 \",\"root\":{\"path\":\"r\"}}",
		"ociVersion: \"1.0.0 \" is not a version like 1.3.0"},
	{WHOLE, "{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}",
		"ociVersion: version \"2.0.0\" is not supported, only 1.x is"},
	{WHOLE, "{\"ociVersion\":\"0.9.0\",\"root\":{\"path\":\"r\"}}",
		"ociVersion: version \"0.9.0\" is not supported, only 1.x is"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root.path: is missing"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}", "root.path: is empty"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":[]}}",
		"root.path: expected a string, found an array"},
	{WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\",\"readonly\":1}}",
		"root.readonly: expected true or false, found a number"},
	{TOP, "\"root\":{\"path\":\"s\"}", "root: is given twice"},
	{TOP, "\"windows\":{}", "linux: is missing, the file is for windows"},
	{TOP, "\"hostname\":\"h\"", "hostname: needs \"uts\" in linux.namespaces"},
	{TOP, "\"domainname\":\"h\"", "domainname: needs \"uts\" in linux.namespaces"},
	{TOP, "\"hostname\":\"1234567890123456789012345678901234567890123456789012345678901234+\"",
		"hostname: is longer than 64 bytes"},
	{TOP, "\"annotations\":[]", "annotations: expected an object, found an array"},
	{TOP, "\"annotations\":{\"a.b\":1}",
		"annotations[\"a.b\"]: expected a string, found a number"},
	{TOP, "\"annotations\":{\"\":\"x\"}", "annotations[\"\"]: empty name"},
	{TOP, "\"hooks\":{\"prestart\":[{}]}", "hooks.prestart[0].path: is missing"},
	{TOP, "\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}",
		"hooks.poststop[0].path: \"x\" is not an absolute path"},
	{TOP, "\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}",
		"hooks.poststop[0].timeout: 0 is outside of 1..2147483647"},

	/* process */
	{PROCESS, "[]", "process: expected an object, found an array"},
	{PROCESS, "{\"args\":[\"a\"]}", "process.cwd: is missing"},
	{PROCESS, "{\"cwd\":\"\",\"args\":[\"a\"]}", "process.cwd: is empty"},
	{PROCESS, "{\"cwd\":\"tmp\",\"args\":[\"a\"]}",
		"process.cwd: \"tmp\" is not an absolute path"},
	{PROCESS, "{\"cwd\":\"/\"}", "process.args: is missing"},
	{PROCESS, "{\"cwd\":\"/\",\"args\":[]}", "process.args: names no program"},
	{PROCESS, "{\"cwd\":\"/\",\"args\":[\"\"]}", "process.args: names no program"},
	{PROCESS, "{\"cwd\":\"/\",\"args\":\"sh\"}",
		"process.args: expected an array, found a string"},
	{PROCESS, "{\"cwd\":\"/\",\"args\":[\"sh\",null]}",
		"process.args[1]: expected a string, found null"},
	{MEMBER, "\"terminal\":\"yes\"",
		"process.terminal: expected true or false, found a string"},
	{MEMBER, "\"user\":{\"gid\":0}", "process.user.uid: is missing"},
	{MEMBER, "\"user\":{\"uid\":-1,\"gid\":0}",
		"process.user.uid: -1 is outside of 0..4294967294"},
	{MEMBER, "\"user\":{\"uid\":4294967295,\"gid\":0}",
		"process.user.uid: 4294967295 is outside of 0..4294967294"},
	{MEMBER, "\"user\":{\"uid\":1.5,\"gid\":0}",
		"process.user.uid: expected a whole number, found 1.5"},
	{MEMBER, "\"user\":{\"uid\":1e3,\"gid\":0}",
		"process.user.uid: expected a whole number, found 1e3"},
	{MEMBER, "\"user\":{\"uid\":0,\"gid\":\"0\"}",
		"process.user.gid: expected a number, found a string"},
	{MEMBER, "\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}",
		"process.user.umask: 512 is outside of 0..511"},
	{MEMBER, "\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,-2]}",
		"process.user.additionalGids[1]: -2 is outside of 0..4294967294"},
	{MEMBER, "\"consoleSize\":{\"height\":1}", "process.consoleSize.width: is missing"},
	{MEMBER, "\"consoleSize\":{\"height\":1,\"width\":65536}",
		"process.consoleSize.width: 65536 is outside of 0..65535"},
	{MEMBER, "\"env\":[\"A=1\",\"B\"]", "process.env[1]: \"B\" is not NAME=VALUE"},
	{MEMBER, "\"env\":[\"=1\"]", "process.env[0]: \"=1\" is not NAME=VALUE"},
	{MEMBER, "\"capabilities\":{\"bounding\":\"CAP_CHOWN\"}",
		"process.capabilities.bounding: expected an array, found a string"},
	{MEMBER, "\"capabilities\":{\"ambient\":[1]}",
		"process.capabilities.ambient[0]: expected a string, found a number"},
	{MEMBER,
		"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		"{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},"
		"{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]",
		"process.rlimits[2].type: unknown limit \"RLIMIT_FOO\""},
	{MEMBER, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]",
		"process.rlimits[0].hard: is missing"},
	{MEMBER, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":18446744073709551616}]",
		"process.rlimits[0].hard: 18446744073709551616 is outside of "
		"0..18446744073709551615"},
	{MEMBER, "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
		"process.rlimits[0].soft: 2 is above the hard limit 1"},
	{MEMBER,
		"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		"{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":2}]",
		"process.rlimits: RLIMIT_CPU is given twice"},
	{MEMBER, "\"oomScoreAdj\":1001", "process.oomScoreAdj: 1001 is outside of -1000..1000"},
	{MEMBER, "\"scheduler\":{}", "process.scheduler.policy: is missing"},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_FAIR\"}",
		"process.scheduler.policy: unknown scheduling policy \"SCHED_FAIR\""},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
		"process.scheduler.nice: 20 is outside of -20..19"},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
		"process.scheduler.priority: needs SCHED_FIFO or SCHED_RR"},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_RR\",\"period\":1}",
		"process.scheduler.period: needs SCHED_DEADLINE"},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":2,\"deadline\":1}",
		"process.scheduler.runtime: is longer than the deadline"},
	{MEMBER, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}",
		"process.scheduler.flags[0]: unknown scheduling flag \"X\""},
	{MEMBER, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\"}",
		"process.ioPriority.priority: is missing"},
	{MEMBER, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}",
		"process.ioPriority.priority: 8 is outside of 0..7"},
	{MEMBER, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":-1}",
		"process.ioPriority.priority: -1 is outside of 0..7"},
	{MEMBER, "\"execCPUAffinity\":{\"initial\":\"0-\"}",
		"process.execCPUAffinity.initial: \"0-\" is not a list of numbers like 0-3,7"},
	{MEMBER, "\"execCPUAffinity\":{\"final\":\"3-1\"}",
		"process.execCPUAffinity.final: \"3-1\" is not a list of numbers like 0-3,7"},

	/* mounts */
	{MOUNT, "\"type\":\"proc\"", "mounts[0].destination: is missing"},
	{MOUNT, "\"destination\":\"\",\"type\":\"proc\"", "mounts[0].destination: is empty"},
	{MOUNT, "\"destination\":\"/a\"", "mounts[0].type: is missing"},
	{MOUNT, "\"destination\":\"/a\",\"options\":[\"bind\"]",
		"mounts[0].source: is missing in a bind mount"},
	{MOUNT, "\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[1]",
		"mounts[0].options[0]: expected a string, found a number"},
	{MOUNT, "\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"bind\",\"idmap\"]",
		"mounts[0]: idmap needs uidMappings and gidMappings or a user namespace"},
	{MOUNT,
		"\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"bind\"],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		"mounts[0].gidMappings: is missing, uidMappings is there"},

	{MOUNT,
		"\"destination\":\"/a\",\"source\":\"/"
		"b\",\"options\":[\"bind\",\"idmap=uids=0-1\"]",
		"mounts[0].options: \"idmap=uids=0-1\" is not written like "
		"idmap=uids=0-1000-10;gids=0-1000-10"},
	{MOUNT,
		"\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"bind\","
		"\"ridmap=uids=@0-1-1;gids=@0-1-1\"]",
		"mounts[0]: idmap: the container has no such ids in one mapping"},

	/* linux */
	{LINUX, "\"namespaces\":[]", "linux.namespaces: is given twice"},
	{BARE, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
		"linux.namespaces[1]: namespace pid is given twice"},
	{BARE, "\"namespaces\":[{\"type\":\"net\"}]",
		"linux.namespaces[0].type: unknown namespace \"net\""},
	{BARE, "\"namespaces\":[{}]", "linux.namespaces[0].type: is missing"},
	{BARE, "\"namespaces\":[{\"type\":\"pid\",\"path\":\"proc/1/ns/pid\"}]",
		"linux.namespaces[0].path: \"proc/1/ns/pid\" is not an absolute path"},
	{BARE, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		"linux.uidMappings: needs \"user\" in linux.namespaces"},
	{BARE, "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		"linux.gidMappings: needs \"user\" in linux.namespaces"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"size\":1}]",
		"linux.uidMappings[0].hostID: is missing"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
		"linux.uidMappings[0].size: maps nothing"},
	{LINUX, "\"uidMappings\":[{\"containerID\":1,\"hostID\":0,\"size\":4294967295}]",
		"linux.uidMappings[0].size: 4294967295 ids from 1 on go beyond the last id"},
	{LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":4294967295,\"size\":1}]",
		"linux.uidMappings[0].size: 1 ids from 4294967295 on go beyond the last id"},
	{LINUX,
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":10},"
		"{\"containerID\":9,\"hostID\":100,\"size\":1}]",
		"linux.uidMappings[1]: overlaps [0] in the container"},
	{LINUX,
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":10},"
		"{\"containerID\":100,\"hostID\":14,\"size\":1}]",
		"linux.gidMappings[1]: overlaps [0] on the host"},
	{BARE, "\"timeOffsets\":{\"monotonic\":{\"secs\":1}}",
		"linux.timeOffsets: needs a new \"time\" in linux.namespaces"},
	{LINUX, "\"timeOffsets\":{\"realtime\":{\"secs\":1}}",
		"linux.timeOffsets: unknown clock \"realtime\""},
	{LINUX, "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}",
		"linux.timeOffsets.boottime.nanosecs: 1000000000 is outside of 0..999999999"},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\"}]", "linux.devices[0].type: is missing"},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"f\"}]",
		"linux.devices[0].type: unknown device type \"f\""},
	{LINUX, "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]",
		"linux.devices[0].minor: is missing"},
	{LINUX, "\"devices\":[{\"path\":\"x\",\"type\":\"c\",\"major\":1,\"minor\":1}]",
		"linux.devices[0].path: \"x\" is not an absolute path"},
	{LINUX, "\"devices\":[{\"path\":\"/x\",\"type\":\"c\",\"major\":4096,\"minor\":1}]",
		"linux.devices[0].major: 4096 is outside of 0..4095"},
	{LINUX, "\"netDevices\":{\"a/b\":{}}",
		"linux.netDevices[\"a/b\"]: \"a/b\" is no interface name"},
	{LINUX, "\"netDevices\":{\"eth0\":{\"name\":\"sixteen-bytes-xx\"}}",
		"linux.netDevices.eth0: \"sixteen-bytes-xx\" is no interface name"},
	{LINUX, "\"netDevices\":{\"eth0\":{\"name\":\"eth1\"},\"eth1\":{}}",
		"linux.netDevices: two devices become \"eth1\""},
	{BARE, "\"netDevices\":{\"eth0\":{}}",
		"linux.netDevices: needs \"network\" in linux.namespaces"},
	{LINUX, "\"maskedPaths\":[\"/a\",\"b\"]",
		"linux.maskedPaths[1]: \"b\" is not an absolute path"},
	{LINUX, "\"readonlyPaths\":[\"b\"]",
		"linux.readonlyPaths[0]: \"b\" is not an absolute path"},
	{BARE, "\"maskedPaths\":[\"/a\"]",
		"linux.maskedPaths: needs \"mount\" in linux.namespaces"},
	{BARE, "\"readonlyPaths\":[\"/a\"]",
		"linux.readonlyPaths: needs \"mount\" in linux.namespaces"},
	{LINUX, "\"rootfsPropagation\":\"public\"",
		"linux.rootfsPropagation: unknown propagation \"public\""},
	{LINUX, "\"sysctl\":{\"vm.swappiness\":\"1\"}",
		"linux.sysctl[\"vm.swappiness\"]: belongs to the whole machine"},
	{LINUX, "\"sysctl\":{\"net..x\":\"1\"}",
		"linux.sysctl[\"net..x\"]: is no kernel parameter"},
	{LINUX, "\"sysctl\":{\"net/../vm/x\":\"1\"}",
		"linux.sysctl[\"net/../vm/x\"]: is no kernel parameter"},
	{BARE, "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
		"linux.sysctl[\"net.ipv4.ip_forward\"]: needs \"network\" in linux.namespaces"},
	{BARE, "\"sysctl\":{\"kernel/shmmax\":\"1\"}",
		"linux.sysctl[\"kernel/shmmax\"]: needs \"ipc\" in linux.namespaces"},
	{LINUX, "\"personality\":{\"domain\":\"BSD\"}",
		"linux.personality.domain: unknown execution domain \"BSD\""},
	{LINUX, "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
		"linux.personality.flags[0]: unknown personality flag \"X\""},
	{LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}",
		"linux.memoryPolicy.nodes: MPOL_BIND needs at least one"},
	{LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}",
		"linux.memoryPolicy.nodes: MPOL_LOCAL takes none"},
	{LINUX,
		"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":"
		"[\"MPOL_F_STATIC_NODES\",\"MPOL_F_RELATIVE_NODES\"]}",
		"linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude "
		"each other"},
	{LINUX, "\"intelRdt\":{\"closID\":\"../x\"}",
		"linux.intelRdt.closID: \"../x\" is not a name"},
	{LINUX, "\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}",
		"linux.intelRdt.memBwSchema: \"L3:0=1\" is not one line with MB:"},
	{LINUX, "\"intelRdt\":{\"schemata\":[\"MB:0=1\",\"a\\nb\"]}",
		"linux.intelRdt.schemata: has more than one line in [1]"},

	/* resources */
	{RESOURCE, "\"memory\":{\"limit\":-2}",
		"linux.resources.memory.limit: -2 is outside of -1..9223372036854775807"},
	{RESOURCE, "\"memory\":{\"limit\":9223372036854775808}",
		"linux.resources.memory.limit: 9223372036854775808 is outside of "
		"-1..9223372036854775807"},
	{RESOURCE, "\"memory\":{\"limit\":\"1g\"}",
		"linux.resources.memory.limit: expected a number, found a string"},
	{RESOURCE, "\"memory\":{\"limit\":2000,\"swap\":1000}",
		"linux.resources.memory.swap: 1000 is below the memory limit 2000 that it "
		"includes"},
	{RESOURCE, "\"memory\":{\"swappiness\":101}",
		"linux.resources.memory.swappiness: 101 is outside of 0..100"},
	{RESOURCE, "\"cpu\":{\"shares\":-1}",
		"linux.resources.cpu.shares: -1 is outside of 0..18446744073709551615"},
	{RESOURCE, "\"cpu\":{\"quota\":10,\"burst\":11}",
		"linux.resources.cpu.burst: 11 is above the quota 10"},
	{RESOURCE, "\"cpu\":{\"cpus\":\"all\"}",
		"linux.resources.cpu.cpus: \"all\" is not a list of numbers like 0-3,7"},
	{RESOURCE, "\"cpu\":{\"idle\":2}", "linux.resources.cpu.idle: 2 is outside of 0..1"},
	{RESOURCE, "\"pids\":{\"limit\":\"9\"}",
		"linux.resources.pids.limit: expected a number, found a string"},
	{RESOURCE, "\"devices\":[{\"access\":\"rwm\"}]",
		"linux.resources.devices[0].allow: is missing"},
	{RESOURCE, "\"devices\":[{\"allow\":true,\"type\":\"x\"}]",
		"linux.resources.devices[0].type: unknown device type \"x\""},
	{RESOURCE, "\"devices\":[{\"allow\":true,\"access\":\"rwx\"}]",
		"linux.resources.devices[0].access: \"rwx\" is not made of r, w and m"},
	{RESOURCE, "\"devices\":[{\"allow\":true,\"major\":-2}]",
		"linux.resources.devices[0].major: -2 is outside of -1..4095"},
	{RESOURCE, "\"blockIO\":{\"weight\":65536}",
		"linux.resources.blockIO.weight: 65536 is outside of 0..65535"},
	{RESOURCE, "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}",
		"linux.resources.blockIO.weightDevice[0]: has neither weight nor leafWeight"},
	{RESOURCE, "\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}",
		"linux.resources.blockIO.throttleReadBpsDevice[0].rate: is missing"},
	{RESOURCE, "\"hugepageLimits\":[{\"pageSize\":\"2M\",\"limit\":1}]",
		"linux.resources.hugepageLimits[0].pageSize: \"2M\" is not a page size like 2MB"},
	{RESOURCE, "\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]",
		"linux.resources.hugepageLimits[0].pageSize: \"../2MB\" is not a page size like "
		"2MB"},
	{RESOURCE, "\"network\":{\"classID\":4294967296}",
		"linux.resources.network.classID: 4294967296 is outside of 0..4294967295"},
	{RESOURCE, "\"rdma\":{\"mlx\":{}}",
		"linux.resources.rdma.mlx: has neither hcaHandles nor hcaObjects"},
	{RESOURCE, "\"unified\":{\"../memory.max\":\"1\"}",
		"linux.resources.unified: \"../memory.max\" is not a file of a cgroup"},
	{RESOURCE, "\"unified\":{\"memory.max\":1}",
		"linux.resources.unified[\"memory.max\"]: expected a string, found a number"},

	/* seccomp */
	{SECCOMP, "\"flags\":[]", "linux.seccomp.defaultAction: is missing"},
	{SECCOMP, "\"defaultAction\":\"ALLOW\"",
		"linux.seccomp.defaultAction: unknown action \"ALLOW\""},
	{SECCOMP, "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1",
		"linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW returns no errno"},
	{SECCOMP, "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096",
		"linux.seccomp.defaultErrnoRet: 4096 is outside of 0..4095"},
	{SECCOMP, "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"x86\"]",
		"linux.seccomp.architectures[0]: unknown architecture \"x86\""},
	{SECCOMP, "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"LOG\"]",
		"linux.seccomp.flags[0]: unknown filter flag \"LOG\""},
	{SECCOMP, "\"defaultAction\":\"SCMP_ACT_ERRNO\",\"listenerMetadata\":\"m\"",
		"linux.seccomp.listenerMetadata: needs listenerPath"},
	{SECCOMP,
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[],"
		"\"action\":\"SCMP_ACT_ALLOW\"}]",
		"linux.seccomp.syscalls[0].names: names no system call"},
	{SECCOMP,
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"value\":0,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]",
		"linux.seccomp.syscalls[0].args[0].index: 6 is outside of 0..5"},
	{SECCOMP,
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":0,"
		"\"op\":\"EQ\"}]}]",
		"linux.seccomp.syscalls[0].args[0].op: unknown operator \"EQ\""},
	{SECCOMP,
		"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":0,\"valueTwo\":1,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]",
		"linux.seccomp.syscalls[0].args[0].valueTwo: needs SCMP_CMP_MASKED_EQ"},

	/* the Landlock annotation: JSON in JSON */
	{TOP, "\"annotations\":{\"org.rung.landlock\":\"{\"}",
		"annotations[\"org.rung.landlock\"]: line 1, column 2: expected a member name in "
		"quotes, found the end"},
	{TOP, "\"annotations\":{\"org.rung.landlock\":\"{}\"}",
		"annotations[\"org.rung.landlock\"]: has neither paths nor ports nor scoped"},
	{TOP,
		"\"annotations\":{\"org.rung.landlock\":\"{\\\"paths\\\":[{\\\"path\\\":\\\"/\\\","
		"\\\"access\\\":[\\\"fly\\\"]}]}\"}",
		"annotations[\"org.rung.landlock\"]: paths[0].access[0]: unknown access \"fly\""},
	{TOP,
		"\"annotations\":{\"org.rung.landlock\":\"{\\\"ports\\\":[{\\\"port\\\":65536,"
		"\\\"access\\\":[\\\"bind\\\"]}]}\"}",
		"annotations[\"org.rung.landlock\"]: ports[0].port: 65536 is outside of 0..65535"},
};

static void each_bad_file_is_one_sentence(void **state)
{
	size_t wrong = 0;
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(text_fini) struct text json = {};
		autofini(text_fini) struct text expected = {};
		const char *template = templates[cases[i].place];
		const char *hole = strstr(template, "%s");
		text_add_bytes(&json, template, (size_t)(hole - template));
		text_add(&json, cases[i].json);
		text_add(&json, hole + strlen("%s"));
		text_format(&expected, "config.json: %s", cases[i].message);

		struct plan plan = {.oci_version = "untouched"};
		error_clear();
		int r = plan_read(text_get(&json), json.length, "config.json", NULL, &plan);
		if (r != -EINVAL || !text_equal(error_text(), text_get(&expected)) ||
			!text_equal(plan.oci_version, "untouched")) {
			print_error("%s\n  expected %s\n  got (%d) %s\n", text_get(&json),
				text_get(&expected), r, error_text());
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void a_process_alone_is_checked_too(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_process process;
	const char *json = "{\"args\":[\"ls\"]}";
	int r = plan_read_process(json, strlen(json), "process.json", &arena, &process);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error_text(), "process.json: cwd: is missing");
}

static void resources_alone_are_checked_too(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_resources resources;
	const char *json = "{\"pids\":{\"limit\":1.0}}";
	int r = plan_read_resources(json, strlen(json), "-", &arena, &resources);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error_text(), "-: pids.limit: expected a whole number, found 1.0");
}

static void depth_is_limited(void **state)
{
	autofini(text_fini) struct text json = {};
	text_add(&json, "{\"x\":");
	for (int i = 0; i < 100000; i++)
		text_add(&json, "[");
	struct plan plan;
	int r = plan_read(text_get(&json), json.length, "config.json", NULL, &plan);
	assert_int_equal(r, -EINVAL);
	assert_true(text_ends(error_text(), "line 1, column 69: more than 64 levels deep"));
}

static void a_nul_byte_is_not_the_end(void **state)
{
	static const char json[] = "{}\0garbage";
	struct plan plan;
	int r = plan_read(json, sizeof(json) - 1, "config.json", NULL, &plan);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error_text(),
		"config.json: line 1, column 3: expected nothing more, found byte 0x00");
}

static void a_huge_file_is_refused_unread(void **state)
{
	struct plan plan;
	int r = plan_read("", PLAN_JSON_MAX + 1, "config.json", NULL, &plan);
	assert_int_equal(r, -EFBIG);
	assert_string_equal(error_text(), "config.json: is larger than 16 MiB");
}

static void errors_cannot_write_to_the_terminal(void **state)
{
	const char *json = "{\"ociVersion\":\"\\u001b[2J\\u009b2J\",\"root\":{\"path\":\"r\"}}";
	struct plan plan;
	int r = plan_read(json, strlen(json), "config.json", NULL, &plan);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(error_text(), "config.json: ociVersion: \"\\u001b[2J\\u009b2J\" is "
					  "not a version like 1.3.0");
}

static void long_words_are_shortened(void **state)
{
	autofini(text_fini) struct text json = {};
	text_add(&json, "{\"ociVersion\":\"");
	for (int i = 0; i < 5000; i++)
		text_add(&json, "ä");
	text_add(&json, "\",\"root\":{\"path\":\"r\"}}");
	struct plan plan;
	int r = plan_read(text_get(&json), json.length, "config.json", NULL, &plan);
	assert_int_equal(r, -EINVAL);
	assert_true(strlen(error_text()) < 200);
	assert_true(text_ends(error_text(), "ä… is not a version like 1.3.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_file_is_one_sentence),
		cmocka_unit_test(a_process_alone_is_checked_too),
		cmocka_unit_test(resources_alone_are_checked_too),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(a_nul_byte_is_not_the_end),
		cmocka_unit_test(a_huge_file_is_refused_unread),
		cmocka_unit_test(errors_cannot_write_to_the_terminal),
		cmocka_unit_test(long_words_are_shortened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
