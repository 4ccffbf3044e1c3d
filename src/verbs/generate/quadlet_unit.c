// SPDX-License-Identifier: Apache-2.0

/*
 * One file becomes one service (podman-systemd.unit(5) describes the files). What a key means is a
 * row of a table: the option of `rung run` (volume create, pod create, pull) that it stands for.
 * Sections that are systemd's own are copied; keys that nobody knows are mistakes with a line
 * number, not silence.
 */

#include "base/error.h"
#include "base/scope.h"
#include "verbs/generate/quadlet.h"

#include <errno.h>
#include <stdio.h>

enum kind {
	VALUE,  /* --option=VALUE */
	EACH,   /* the same for each word of it */
	YES,    /* a boolean: --option or --option=false */
	WORDS,  /* words for the command line as they are */
	OTHER,  /* looked at elsewhere */
	SOURCE, /* --option=VALUE, whose beginning may name another file: "data.volume:/data" */
};

struct key {
	char name[28], option[28];
	enum kind kind;
};

static const struct key container_keys[] = {{"AddCapability", "--cap-add", EACH},
	{"AddDevice", "--device", EACH}, {"AddHost", "--add-host", EACH},
	{"Annotation", "--annotation", EACH}, {"AutoUpdate", "", OTHER},
	{"CgroupsMode", "--cgroups", VALUE}, {"ContainerName", "", OTHER}, {"DNS", "--dns", EACH},
	{"DNSOption", "--dns-option", EACH}, {"DNSSearch", "--dns-search", EACH},
	{"DropCapability", "--cap-drop", EACH}, {"Entrypoint", "--entrypoint", VALUE},
	{"Environment", "--env", EACH}, {"EnvironmentFile", "--env-file", VALUE},
	{"EnvironmentHost", "--env-host", YES}, {"Exec", "", OTHER},
	{"ExposeHostPort", "--expose", VALUE}, {"GIDMap", "--gidmap", VALUE},
	{"GlobalArgs", "", WORDS}, {"Group", "", OTHER}, {"GroupAdd", "--group-add", VALUE},
	{"HealthCmd", "--health-cmd", VALUE}, {"HealthInterval", "--health-interval", VALUE},
	{"HealthOnFailure", "--health-on-failure", VALUE},
	{"HealthRetries", "--health-retries", VALUE},
	{"HealthStartPeriod", "--health-start-period", VALUE},
	{"HealthTimeout", "--health-timeout", VALUE}, {"HostName", "--hostname", VALUE},
	{"Image", "", OTHER}, {"IP", "--ip", VALUE}, {"IP6", "--ip6", VALUE},
	{"Label", "--label", EACH}, {"LogDriver", "--log-driver", VALUE},
	{"LogOpt", "--log-opt", VALUE}, {"Memory", "--memory", VALUE}, {"Mount", "--mount", VALUE},
	{"Network", "--network", SOURCE}, {"NetworkAlias", "--network-alias", VALUE},
	{"NoNewPrivileges", "", OTHER}, {"Notify", "", OTHER}, {"PidsLimit", "--pids-limit", VALUE},
	{"Pod", "--pod", SOURCE}, {"PodmanArgs", "", WORDS}, {"PublishPort", "--publish", VALUE},
	{"Pull", "--pull", VALUE}, {"ReadOnly", "--read-only", YES},
	{"ReadOnlyTmpfs", "--read-only-tmpfs", YES}, {"Rootfs", "--rootfs", VALUE},
	{"RunInit", "--init", YES}, {"SeccompProfile", "", OTHER}, {"Secret", "--secret", VALUE},
	{"ServiceName", "", OTHER}, {"ShmSize", "--shm-size", VALUE},
	{"StopSignal", "--stop-signal", VALUE}, {"StopTimeout", "--stop-timeout", VALUE},
	{"SubGIDMap", "--subgidname", VALUE}, {"SubUIDMap", "--subuidname", VALUE},
	{"Sysctl", "--sysctl", EACH}, {"Timezone", "--tz", VALUE}, {"Tmpfs", "--tmpfs", VALUE},
	{"UIDMap", "--uidmap", VALUE}, {"Ulimit", "--ulimit", VALUE}, {"User", "", OTHER},
	{"UserNS", "--userns", VALUE}, {"Volume", "--volume", SOURCE},
	{"WorkingDir", "--workdir", VALUE}, {}};

static const struct key volume_keys[] = {{"VolumeName", "", OTHER}, {"Driver", "--driver", VALUE},
	{"Device", "", OTHER}, {"Type", "", OTHER}, {"Options", "", OTHER},
	{"Label", "--label", EACH}, {"User", "--uid", VALUE}, {"Group", "--gid", VALUE},
	{"Copy", "", OTHER}, {"GlobalArgs", "", WORDS}, {"PodmanArgs", "", WORDS},
	{"ServiceName", "", OTHER}, {}};

static const struct key pod_keys[] = {{"PodName", "", OTHER}, {"AddHost", "--add-host", EACH},
	{"DNS", "--dns", EACH}, {"HostName", "--hostname", VALUE}, {"Label", "--label", EACH},
	{"Network", "--network", SOURCE}, {"PublishPort", "--publish", VALUE},
	{"ShmSize", "--shm-size", VALUE}, {"UserNS", "--userns", VALUE},
	{"Volume", "--volume", SOURCE}, {"GlobalArgs", "", WORDS}, {"PodmanArgs", "", WORDS},
	{"ServiceName", "", OTHER}, {}};

static const struct key image_keys[] = {{"Image", "", OTHER}, {"AllTags", "--all-tags", YES},
	{"Arch", "--arch", VALUE}, {"AuthFile", "--authfile", VALUE},
	{"CertDir", "--cert-dir", VALUE}, {"Creds", "--creds", VALUE}, {"OS", "--os", VALUE},
	{"TLSVerify", "--tls-verify", YES}, {"Variant", "--variant", VALUE},
	{"ImageTag", "", OTHER}, {"GlobalArgs", "", WORDS}, {"PodmanArgs", "", WORDS},
	{"ServiceName", "", OTHER}, {}};

static const struct {
	char kind[12], section[12], suffix[12];
	const struct key *keys;
} kinds[] = {{"container", "Container", "", container_keys},
	{"volume", "Volume", "-volume", volume_keys}, {"pod", "Pod", "-pod", pod_keys},
	{"image", "Image", "-image", image_keys}};

struct making {
	const struct unit_file *file;
	struct arena *arena;
	const char *section;
	const struct key *keys;
	struct text command; /* options, as they come */
	struct text needs;   /* other services */
	int mistakes;
	void (*complain)(void *context);
	void *context;
};

static size_t find_kind(const char *kind)
{
	size_t i = 0;
	while (i < array_length(kinds) && !text_equal(kinds[i].kind, kind))
		i++;
	return i;
}

const char *quadlet_service(const struct unit_file *file, struct arena *arena)
{
	size_t kind = find_kind(file->kind);
	if (kind == array_length(kinds))
		return NULL;
	const char *name = unit_value(file, kinds[kind].section, "ServiceName");
	return name ? arena_format(arena, "%s.service", name)
		    : arena_format(arena, "%s%s.service", file->stem, kinds[kind].suffix);
}

static void mistake(struct making *making)
{
	making->mistakes++;
	making->complain(making->context);
	error_clear();
}

static const char *value(const struct making *making, const char *key)
{
	return unit_value(making->file, making->section, key);
}

static void add(struct making *making, const char *word)
{
	unit_add_word(&making->command, word, true);
}

static void add_option(struct making *making, const char *option, const char *word)
{
	add(making, arena_format(making->arena, "%s=%s", option, word));
}

/* ---- other files ------------------------------------------------------------------------------
 */

/* "data.volume" → its service is needed, and its own name is systemd-data. */
static const char *resolve(struct making *making, const struct unit_entry *entry, const char *word)
{
	size_t length = strcspn(word, ":");
	char *name = arena_strndup(making->arena, word, length), *dot = strrchr(name, '.');
	size_t kind = dot && name[0] != '/' ? find_kind(dot + 1) : array_length(kinds);
	if (dot && name[0] != '/' && (text_equal(dot, ".network") || text_equal(dot, ".build"))) {
		(void)unit_refuse(making->file, entry->line, "%s=%s: %s files are not known yet",
			entry->key, word, dot);
		mistake(making);
		return NULL;
	}
	if (kind == array_length(kinds))
		return word;
	*dot = '\0';
	text_format(&making->needs, " %s%s.service", name, kinds[kind].suffix);
	return arena_format(making->arena, "systemd-%s%s", name, word + length);
}

/* ---- keys
 * ---------------------------------------------------------------------------------------- */

static int read_yes(const char *word)
{
	static const char words[][2][6] = {
		{"yes", "no"}, {"true", "false"}, {"on", "off"}, {"1", "0"}};
	for (size_t i = 0; i < array_length(words); i++)
		for (int n = 0; n < 2; n++)
			if (strcasecmp(words[i][n], word) == 0)
				return !n;
	return -EINVAL;
}

static void take_words(struct making *making, const struct key *key, const struct unit_entry *entry)
{
	struct strings words;
	if (unit_split(making->file, entry, making->arena, &words) < 0) {
		mistake(making);
		return;
	}
	for (size_t i = 0; i < words.count; i++) {
		if (key->kind == WORDS)
			add(making, words.items[i]);
		else
			add_option(making, key->option, words.items[i]);
	}
}

static void take_entry(struct making *making, const struct unit_entry *entry)
{
	const struct key *key = making->keys;
	while (key->name[0] && !text_equal(key->name, entry->key))
		key++;
	int yes = key->kind == YES ? read_yes(entry->value) : 0;
	const char *word;
	if (!key->name[0] || yes < 0) {
		if (yes < 0)
			(void)unit_refuse(making->file, entry->line, "%s=%s: neither yes nor no",
				entry->key, entry->value);
		else
			(void)unit_refuse(making->file, entry->line, "[%s] has no key \"%s\"",
				making->section, entry->key);
		mistake(making);
		return;
	}
	switch (key->kind) {
	case VALUE:
		add_option(making, key->option, entry->value);
		break;
	case EACH:
	case WORDS:
		take_words(making, key, entry);
		break;
	case YES:
		add(making,
			yes ? key->option : arena_format(making->arena, "%s=false", key->option));
		break;
	case SOURCE:
		word = resolve(making, entry, entry->value);
		if (word)
			add_option(making, key->option, word);
		break;
	case OTHER:
		break;
	}
}

/* ---- the four kinds
 * ---------------------------------------------------------------------------------- */

static void copy_section(const struct making *making, const char *section, struct text *out)
{
	for (size_t i = 0; i < making->file->count; i++) {
		const struct unit_entry *entry = &making->file->entries[i];
		if (text_equal(entry->section, section))
			text_format(out, "%s=%s\n", entry->key, entry->value);
	}
}

static void add_line(const struct making *making, struct text *out, const char *key,
	const char *words, const struct text *rest)
{
	autofini(text_fini) struct text program = {};
	unit_add_program(&program, making->arena);
	text_format(out, "%s=%s %s%s%s\n", key, text_get(&program), words,
		rest && rest->length ? " " : "", rest ? text_get(rest) : "");
}

static void need(struct making *making, const char *key)
{
	(void)refuse(-EINVAL, "%s: [%s] needs %s=", making->file->path, making->section, key);
	mistake(making);
}

static void add_user(struct making *making)
{
	const char *user = value(making, "User"), *group = value(making, "Group");
	if (group && !user) {
		(void)refuse(-EINVAL, "%s: [Container] Group= needs User=", making->file->path);
		mistake(making);
	} else if (user) {
		add_option(making, "--user",
			group ? arena_format(making->arena, "%s:%s", user, group) : user);
	}
	if (value(making, "NoNewPrivileges") && read_yes(value(making, "NoNewPrivileges")) == 1)
		add(making, "--security-opt=no-new-privileges");
	if (value(making, "SeccompProfile"))
		add_option(making, "--security-opt",
			arena_format(making->arena, "seccomp=%s", value(making, "SeccompProfile")));
}

/* Image=base.image: what the file beside this one names, which its service fetches first. */
static const char *image_of_file(struct making *making, const char *word)
{
	const char *path = making->file->path, *slash = strrchr(path, '/');
	struct unit_file file;
	int above = slash ? (int)(slash - path + 1) : 0;
	const char *image = NULL;
	int r = unit_read(
		arena_format(making->arena, "%.*s%s", above, path, word), making->arena, &file);
	if (r == 0) {
		image = unit_value(&file, "Image", "Image");
		text_format(&making->needs, " %s", quadlet_service(&file, making->arena));
	}
	if (r == 0 && !image)
		(void)refuse(-EINVAL, "%s: [Image] needs Image=", file.path);
	if (!image)
		mistake(making);
	return image;
}

static void add_image_and_command(struct making *making)
{
	const char *image = value(making, "Image");
	if (!image && !value(making, "Rootfs"))
		need(making, "Image");
	if (image && text_ends(image, ".image"))
		image = image_of_file(making, image);
	if (image)
		add(making, image);
	for (size_t i = 0; i < making->file->count; i++) {
		const struct unit_entry *entry = &making->file->entries[i];
		if (text_equal(entry->section, making->section) && text_equal(entry->key, "Exec"))
			take_words(making, &(const struct key){"Exec", "", WORDS}, entry);
	}
}

static void write_container(struct making *making, struct text *out)
{
	const char *name = value(making, "ContainerName");
	if (!name)
		name = "systemd-%N";
	add_user(making);
	add_image_and_command(making);
	text_add(out, "Type=exec\nKillMode=mixed\nSuccessExitStatus=143\nSyslogIdentifier=%N\n");
	const char *words = arena_format(making->arena, "run --rm --replace --name=%s", name);
	add_line(making, out, "ExecStart", words, &making->command);
	add_line(making, out, "ExecStop", arena_format(making->arena, "stop --ignore %s", name),
		NULL);
	add_line(making, out, "ExecStopPost",
		arena_format(making->arena, "rm --force --ignore %s", name), NULL);
}

static void write_volume(struct making *making, struct text *out)
{
	const char *name = value(making, "VolumeName");
	static const char options[][2][10] = {
		{"Device", "device"}, {"Type", "type"}, {"Options", "o"}};
	for (size_t i = 0; i < array_length(options); i++)
		if (value(making, options[i][0]))
			add_option(making, "--opt",
				arena_format(making->arena, "%s=%s", options[i][1],
					value(making, options[i][0])));
	text_add(out, "Type=oneshot\nRemainAfterExit=yes\n");
	add(making, name ? name : arena_format(making->arena, "systemd-%s", making->file->stem));
	add_line(making, out, "ExecStart", "volume create --ignore", &making->command);
}

static void write_pod(struct making *making, struct text *out)
{
	const char *name = value(making, "PodName");
	if (!name)
		name = arena_format(making->arena, "systemd-%s", making->file->stem);
	const char *words = arena_format(making->arena, "pod create --replace --name=%s", name);
	text_add(out, "Type=oneshot\nRemainAfterExit=yes\n");
	add_line(making, out, "ExecStart", words, &making->command);
	add_line(making, out, "ExecStartPost", arena_format(making->arena, "pod start %s", name),
		NULL);
	add_line(making, out, "ExecStop", arena_format(making->arena, "pod stop --ignore %s", name),
		NULL);
	add_line(making, out, "ExecStopPost",
		arena_format(making->arena, "pod rm --force --ignore %s", name), NULL);
}

static void write_image(struct making *making, struct text *out)
{
	const char *image = value(making, "Image");
	if (!image) {
		need(making, "Image");
		return;
	}
	text_add(out, "Type=oneshot\nRemainAfterExit=yes\n");
	add(making, image);
	add_line(making, out, "ExecStart", "pull --quiet", &making->command);
}

/* ---- the file
 * ------------------------------------------------------------------------------------------- */

static void take_entries(struct making *making)
{
	static const char systemds[][10] = {"Unit", "Service", "Install", "Quadlet"};
	for (size_t i = 0; i < making->file->count; i++) {
		const struct unit_entry *entry = &making->file->entries[i];
		bool known = text_starts(entry->section, "X-");
		for (size_t n = 0; n < array_length(systemds); n++)
			known = known || text_equal(entry->section, systemds[n]);
		if (text_equal(entry->section, making->section)) {
			take_entry(making, entry);
		} else if (!known) {
			(void)unit_refuse(making->file, entry->line,
				"a .%s file has no section [%s]", making->file->kind,
				entry->section);
			mistake(making);
		} else if (text_equal(entry->section, "Service") &&
			   (text_equal(entry->key, "ExecStart") ||
				   text_equal(entry->key, "Type"))) {
			(void)unit_refuse(making->file, entry->line, "%s= is made from [%s]",
				entry->key, making->section);
			mistake(making);
		}
	}
}

int quadlet_write(const struct unit_file *file, struct arena *arena,
	void (*complain)(void *context), void *context, struct text *out)
{
	static void (*const writers[])(struct making * making, struct text * out) = {
		write_container, write_volume, write_pod, write_image};
	size_t kind = find_kind(file->kind);
	if (kind == array_length(kinds))
		return refuse(-EINVAL, "%s: .%s files are not known", file->path, file->kind);
	struct making making = {.file = file,
		.arena = arena,
		.section = kinds[kind].section,
		.keys = kinds[kind].keys,
		.complain = complain,
		.context = context};
	autofini(text_fini) struct text service = {};
	take_entries(&making);
	writers[kind](&making, &service);
	text_format(out, "# made by rung %s from %s\n\n[Unit]\nSourcePath=%s\n", RUNG_VERSION,
		file->path, file->path);
	text_add(out, "Wants=network-online.target\nAfter=network-online.target\n");
	if (making.needs.length)
		text_format(out, "Requires=%s\nAfter=%s\n", text_get(&making.needs) + 1,
			text_get(&making.needs) + 1);
	copy_section(&making, "Unit", out);
	text_format(out, "\n[Service]\n%s", text_get(&service));
	copy_section(&making, "Service", out);
	text_add(out, "\n[Install]\n");
	copy_section(&making, "Install", out);
	text_fini(&making.command);
	text_fini(&making.needs);
	return making.mistakes;
}
