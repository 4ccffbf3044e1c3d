// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The file door: a FUSE file system in place of a tree of the host that was not granted. It shows
 * names and attributes; what is opened, made or removed is asked about (policy.h). What is allowed
 * for longer than once becomes a mount of the host's own files over the door, and is native from
 * then on. Overview in files.c.
 */

#include "mounter.h"
#include "policy.h"

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

#include <sys/stat.h>

struct file_door_place {
	const char *path; /* of the tree, on the host and inside alike */
	int fuse_fd;      /* see rungs/sandbox/doors_files.h */
	int mount_fd;
};

struct file_doors;

/**
 * Opens all doors; they answer once the loop runs. What the policy allows already is mounted first:
 * @ready is called when that is done. The strings of @places must live as long. Tells a story.
 */
[[nodiscard]] int file_doors_new(struct loop *loop, struct policy *policy, int namespace_fd,
	const struct permissions *granted, const struct file_door_place *places, size_t count,
	void (*ready)(void *context), void *context, struct file_doors **ret);

/** Ends all doors: who waits and who comes gets ENOTCONN. */
void file_doors_free(struct file_doors *doors);

/* ---- between the files of the door ---------------------------------------------------------- */

/* A name below a door that the kernel knows. Its number is its address. */
struct file_node {
	struct file_node *parent;  /* NULL: the door itself */
	struct file_node *sibling; /* next with the same hash */
	uint64_t known;            /* how often the kernel was told of it */
	size_t held;               /* by children, and by work that is under way */
	mode_t type;               /* as it was shown: S_IFREG also for devices and pipes */
	bool mounted;              /* the host's files cover it */
	bool mounting;
	bool gone; /* removed or replaced: its name is another node's */
	char *name;
};

enum { FILE_NODE_BUCKETS = 1024 };

/* In the door's own directory, of none of the host: where sockets appear (files_look.c). */
#define FILE_PASSAGES ".rung-door"

struct file_door {
	struct file_doors *doors;
	size_t index;
	const char *path; /* of the tree */
	int host_fd;      /* it, on the host */
	int mount_fd;
	struct fuse_session *session;
	struct loop_watch *watch;
	struct fuse_buf buffer;
	struct file_node *root;
	struct file_node *passages; /* the directory FILE_PASSAGES; NULL: never needed yet */
	struct file_node *buckets[FILE_NODE_BUCKETS];
	struct file_work *work; /* all that is under way */
};

struct file_doors {
	struct loop *loop;
	struct policy *policy;
	struct mounter *mounter;
	int *mounts; /* what the mounter is told of */
	size_t count;
	struct file_door *doors;
	size_t unready; /* mounts that are made before the program starts */
	void (*ready)(void *context);
	void *context;
};

/* One request that waits for an answer or a mount, and then goes on. */
struct file_work {
	struct file_work *next;
	struct file_door *door;
	fuse_req_t request;
	struct policy_ticket *ticket;
	struct file_node *node;   /* what it is about; for new names and removals: the directory */
	struct file_node *other;  /* the other directory of a rename; the file of a link */
	char *name, *other_name;  /* NULL: none */
	struct question question; /* its value is our own */
	void (*act)(struct file_work *work); /* does what was allowed, and replies */
	struct fuse_file_info info;          /* of open and create */
	mode_t mode;
	unsigned flags; /* of rename and setattr */
	struct stat attributes;
	dev_t device;
	bool second;                     /* a rename whose first directory is allowed */
	bool alone;                      /* the file itself is mounted: nothing else can serve it */
	const struct file_node *awaited; /* the tree whose mount it waits for */
	void (*arrived)(struct file_work *work); /* once it is there; NULL: ESTALE */
};

/* nodes: files_nodes.c */

char *file_copy(const char *string);
struct file_node *file_node_of(const struct file_door *door, fuse_ino_t number);
/** The known one or a new one; not counted as known yet. */
struct file_node *file_node_get(struct file_door *door, struct file_node *parent, const char *name);
struct file_node *file_node_find(
	const struct file_door *door, const struct file_node *parent, const char *name);
void file_node_forget(struct file_door *door, struct file_node *node, uint64_t times);
void file_node_release(struct file_door *door, struct file_node *node);
/** The name is nobody's any more. */
void file_node_remove(struct file_door *door, struct file_node *parent, const char *name);
/** What had the new name before is gone. */
void file_node_move(struct file_door *door, struct file_node *parent, const char *name,
	struct file_node *new_parent, const char *new_name);
void file_nodes_free(struct file_door *door);

/** The path below the door, "" for itself; on the host, absolute, with a name behind or NULL. */
char *file_node_path(const struct file_node *node);
char *file_node_host_path(
	const struct file_door *door, const struct file_node *node, const char *name);

/**
 * Opens the host's file, by one walk that follows no link and does not leave the tree. Negative
 * errno without a story; -ESTALE for what is gone, which makes the kernel look the name up anew.
 */
int file_node_open(const struct file_door *door, const struct file_node *node, int flags);

/** What the door shows for it: stat of the host, with the type changed where need be. */
int file_node_stat(const struct file_door *door, const struct file_node *node, struct stat *ret);
void file_disguise(struct stat *attributes);

/* asking: files_ask.c */

/** Starts work for a request. @name, @other_name are copied; NULL: none. */
struct file_work *file_work_new(fuse_req_t request, struct file_node *node, const char *name);
/** Asks about the path (taken over), then calls work->act or replies EACCES. */
void file_work_ask(struct file_work *work, enum permission_kind kind, char *path, const char *why);
/** Frees it after the reply. */
void file_work_end(struct file_work *work);
/** Replies with an error number (positive; 0: done) and ends. */
void file_work_fail(struct file_work *work, int error);

/** Whether the path is denied, with all below. */
bool file_is_denied(const struct file_door *door, const char *path);

/* mounting: files_mount.c */

/**
 * Mounts what the allowed question covers, unless it is. True: @work will be replied to, with
 * ESTALE once the mount is there, or is acted on again. False: the caller serves the file itself.
 */
bool file_mount_for(struct file_work *work);
/** Mounts the file at @fd over a node that stands for nothing else. Returns as file_mount_for(). */
bool file_mount_at(struct file_work *work, int fd, struct file_node *node);
/** The allowed tree that holds all of a directory, if there is one; nobody waits for it. */
void file_mount_aside(
	struct file_door *door, struct file_node *node, const struct question *question);
/** Mounts an allowed tree before the program starts. */
void file_mount_granted(struct file_door *door, const struct permission *permission);

/* requests: files_look.c, files_open.c, files_change.c */

extern const struct fuse_lowlevel_ops file_door_operations;

void file_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void file_forget(fuse_req_t request, fuse_ino_t number, uint64_t times);
void file_forget_many(fuse_req_t request, size_t count, struct fuse_forget_data *forgets);
void file_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_readlink(fuse_req_t request, fuse_ino_t number);
void file_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
	struct fuse_file_info *info);
void file_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_statfs(fuse_req_t request, fuse_ino_t number);
/** Replies with an entry for the name, which must exist. Returns a positive error number. */
int file_entry(struct file_door *door, struct file_node *parent, const char *name,
	struct fuse_entry_param *ret);

void file_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info);
void file_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
	struct fuse_file_info *info);
void file_write(fuse_req_t request, fuse_ino_t number, struct fuse_bufvec *bytes, off_t offset,
	struct fuse_file_info *info);
void file_flush(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void file_fsync(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *info);
void file_lseek(fuse_req_t request, fuse_ino_t number, off_t offset, int whence,
	struct fuse_file_info *info);
void file_fallocate(fuse_req_t request, fuse_ino_t number, int mode, off_t offset, off_t length,
	struct fuse_file_info *info);

void file_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void file_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void file_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name);
void file_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t new_parent, const char *new_name);
void file_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void file_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name);
void file_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned flags);
void file_setattr(fuse_req_t request, fuse_ino_t number, struct stat *attributes, int to_set,
	struct fuse_file_info *info);
