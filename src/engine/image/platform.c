// SPDX-License-Identifier: Apache-2.0

/* Platforms, times and media types as manifests and configurations spell them. */

#include "base/error.h"
#include "engine/image/internal.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

/* GOARCH (and GOARM) of what uname(2) says. */
static const struct {
	const char *machine, *architecture, *variant;
} machines[] = {
	{"x86_64", "amd64", NULL},
	{"aarch64", "arm64", "v8"},
	{"armv7l", "arm", "v7"},
	{"armv6l", "arm", "v6"},
	{"i686", "386", NULL},
	{"i586", "386", NULL},
	{"ppc64le", "ppc64le", NULL},
	{"s390x", "s390x", NULL},
	{"riscv64", "riscv64", NULL},
	{"mips64", "mips64le", NULL},
	{"loongarch64", "loong64", NULL},
};

struct image_platform image_own_platform(void)
{
	struct utsname about;
	if (uname(&about) < 0)
		about.machine[0] = '\0';
	for (size_t i = 0; i < array_length(machines); i++) {
		if (text_equal(about.machine, machines[i].machine))
			return (struct image_platform){.os = "linux",
				.architecture = machines[i].architecture,
				.variant = machines[i].variant};
	}
	return (struct image_platform){.os = "linux", .architecture = "unknown"};
}

int image_platform_rank(const struct image_platform *platform)
{
	struct image_platform own = image_own_platform();
	if (!platform->os || !platform->architecture || !text_equal(platform->os, own.os) ||
		!text_equal(platform->architecture, own.architecture))
		return 0;
	if (!platform->variant && !own.variant)
		return 3;
	if (!platform->variant || !own.variant)
		return 2;
	return text_equal(platform->variant, own.variant) ? 3 : 1;
}

int64_t image_time(const char *text)
{
	struct tm moment = {};
	int used = 0;
	if (text_empty(text) || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &moment.tm_year,
					&moment.tm_mon, &moment.tm_mday, &moment.tm_hour,
					&moment.tm_min, &moment.tm_sec, &used) != 6)
		return 0;
	moment.tm_year -= 1900;
	moment.tm_mon -= 1;
	text += used;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	int hours = 0, minutes = 0;
	char sign = *text;
	if ((sign == '+' || sign == '-') && sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
		return 0;
	int64_t offset = (hours * 60 + minutes) * (int64_t)60;
	return timegm(&moment) - (sign == '-' ? -offset : offset);
}

/* ---- layers -------------------------------------------------------------------- */

static const struct {
	const char *oci, *docker;
} layer_types[] = {
	{MEDIA_OCI_LAYER, MEDIA_DOCKER_LAYER ".tar"},
	{MEDIA_OCI_LAYER "+gzip", MEDIA_DOCKER_LAYER ".tar.gzip"},
	{MEDIA_OCI_LAYER "+zstd", MEDIA_DOCKER_LAYER ".tar.zstd"},
};

const char *image_layer_type(const char *type, bool docker)
{
	for (size_t i = 0; i < array_length(layer_types); i++) {
		if (text_equal(type, layer_types[i].oci) || text_equal(type, layer_types[i].docker))
			return docker ? layer_types[i].docker : layer_types[i].oci;
	}
	return type;
}

int image_sniff_layer(int fd, bool docker, const char **ret_type)
{
	static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	unsigned char magic[4] = {};
	if (pread(fd, magic, sizeof(magic), 0) < 0)
		return fail(-errno, "read the layer");
	size_t type = memcmp(magic, gzip, sizeof(gzip)) == 0   ? 1
		      : memcmp(magic, zstd, sizeof(zstd)) == 0 ? 2
							       : 0;
	*ret_type = docker ? layer_types[type].docker : layer_types[type].oci;
	return 0;
}
