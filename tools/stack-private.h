/* SPDX-License-Identifier: MIT */
/* The parts of a private stack; see stack.h. One thread. */
#ifndef SLUICE_TOOLS_STACK_PRIVATE_H
#define SLUICE_TOOLS_STACK_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "tools/stack.h"

struct helper_kept;
struct hvctl;
struct xs_handle;
struct stack_disk;
struct stack_process;
struct stack_relay;
struct stack_own_network;
struct stack_vm;
struct arg_list;

#define STACK_DOM0 0u
#define STACK_STORAGE 1u
#define STACK_GUEST 2u
/* vms get rising domids from STACK_GUEST on, none twice in a stack's life, as on Xen. */
#define STACK_LAST_DOMID 0x7feeu

/* How long a part of the stack may take to answer on a loaded machine. */
#define STACK_START_MS 30000u
/* How long an orderly end may take before it is ended by force. */
#define STACK_STOP_MS 5000u

/* A part that ends so often, each time within this time of the last, stays ended. */
#define STACK_REVIVALS 5u
#define STACK_REVIVE_MS 60000u

/** struct rundir - a run directory that goes away with its owner, however that ends. */
struct rundir {
	char parent[64];  /* of all run directories of this user; not for domains to see */
	char path[88];
	int lock_fd;      /* flock()ed while the owner lives */
	int janitor_fd;   /* the janitor waits for its end of file */
	pid_t janitor;
};

/**
 * rundir_create() - make a private directory (0700) whose sockets' paths are short
 * enough, in a parent that is the user's alone, and remove what dead owners left there.
 *
 * Forks a janitor that removes the directory when this process ends; call it before
 * there are other threads. Return: 0 or -errno with @why.
 */
int rundir_create(struct rundir *rd, char *why, size_t why_room) must_check;
/** rundir_remove() - remove it, its parent if empty, and end the janitor; may be called twice. */
void rundir_remove(struct rundir *rd);
/** rundir_remove_domain() - remove what a domain has in it. */
void rundir_remove_domain(const struct rundir *rd, unsigned domid);
/** rundir_stale() - whether @name is a run directory's name in @base_fd and its owner is dead. */
bool rundir_stale(int base_fd, const char *name);

/** struct spawn - a child to start. */
struct spawn {
	const char *path;          /* of the program */
	char *const *argv;
	const char *const *env;    /* NAME=VALUE pairs over our own environment, NULL-terminated; or NULL */
	const int *keep;           /* descriptors to inherit, @nkeep of them; all others are closed */
	unsigned nkeep;
	bool daemon;               /* own session, stdin from /dev/null, output to @log */
	int log;
	bool session;              /* own session only: away from the terminal's Ctrl-C */
	bool keep_all;             /* inherit whatever is not close-on-exec */
};

/** spawn() - fork and exec; dies with us. Return: the pid or -errno, also exec's. */
pid_t spawn(const struct spawn *s) must_check;
/** spawn_end() - SIGTERM, wait up to @grace_ms, SIGKILL, reap; *@pid becomes 0. */
void spawn_end(pid_t *pid, unsigned grace_ms);
/** spawn_is_dead() - reaps; true when @pid ended, with its wait status. */
bool spawn_is_dead(pid_t pid, int *status);

/* stack-path.c */

/**
 * stack_path_look() - whether there is @path, on a file system that may have stopped to answer.
 *
 * Return: 0 or -errno, of access(); -ETIMEDOUT: nobody answered.
 */
int stack_path_look(const char *path) must_check;
/** stack_readable_within() - false: nothing came, nor the end, for @ms. */
bool stack_readable_within(int fd, unsigned ms);
/** stack_abandon() - kill a child and reap it if it ends, which one that waits for a server may not. */
void stack_abandon(pid_t pid);

/** enum stack_kind - of a device. */
enum stack_kind { STACK_VBD, STACK_VIF };

/** struct attached - a disk or network interface of a guest domain. */
struct attached {
	struct attached *next;
	uint32_t domid;            /* of the guest */
	uint32_t backend_domid;
	uint32_t vdev;             /* of a network interface: its handle */
	uint64_t since_ms;
	bool in_vm;                /* its backend is in a vm, with files of its own */
	bool readonly;
	bool asked;                /* for the last time to close: an answer may be awaited */
	enum stack_kind kind;
	char *path;                /* absolute, where the backend is no vm; may be empty */
	char *params;              /* for the backend: path, or a name that it is part of */
	struct stack_relay *relay; /* its way to servers; or NULL */
	char *real;                /* where links led from there when it was attached; or NULL */
	struct helper_kept *lvm;   /* has the logical volume active that it is; or NULL */
	char backend[80];          /* store paths */
	char frontend[80];
	char libxl[80];
};

struct stack {
	struct rundir dir;
	char store_path[108];
	struct hvctl *ctl;
	struct xs_handle *xs;
	int life_fd;               /* what dies with us watches the other end */
	pid_t hypervisor, store;
	int store_watch;
	int watch_fd;              /* readable when a part may have ended */
	bool may_revive;           /* parts are started again when they end */
	unsigned revived;          /* the store: how often, one soon after the other */
	uint64_t revived_ms;       /* the last time */
	struct stack_process *processes; /* driver domains */
	struct stack_process *storage;   /* among them */
	pid_t guests[16];          /* commands that may still run */
	unsigned nguests;
	struct stack_own_network *network; /* NULL: it was not needed yet */
	struct attached *disks;
	struct stack_options options;
	uint32_t next_domid;       /* for vms and process domains */
	struct stack_vm *vms;
	int log_read, log_write;   /* what the parts say */
	char log[2048];
	unsigned log_used;
	char *caught;              /* where an error goes that is told by who asked for it; or NULL */
	size_t caught_room;
	char known[256];           /* lines with this text have been told already */
};

/** stack_log_open() - the pipe for what the parts say. 0 or -errno. */
int stack_log_open(struct stack *st) must_check;
/** stack_log_close() - shows what is left. */
void stack_log_close(struct stack *st);
/** stack_pump_full() - as stack_pump(), but only when the parts would soon have to wait for us. */
void stack_pump_full(struct stack *st);
/** stack_log_catch() - as stack_pump(), but the last error goes to @text. False: there was none. */
bool stack_log_catch(struct stack *st, char *text, size_t room);
/** stack_log_known() - the caller tells the user @text: leave out lines that say it. */
void stack_log_known(struct stack *st, const char *text);

/** struct stack_domain - what a toolstack says of a new domain in the store. */
struct stack_domain {
	uint32_t domid;
	const char *name;
	bool driver;         /* a driver domain */
	char uuid[40];       /* filled in when it is empty */
	const struct stack_vm *vm; /* NULL: a process domain */
};

/** stack_nodes_domain() - what a toolstack writes for a new domain, with libxl's permissions. */
int stack_nodes_domain(struct stack *st, struct stack_domain *domain) must_check;
/** stack_nodes_remove() - all that stack_nodes_domain() made. 0 or -errno. */
int stack_nodes_remove(struct stack *st, const struct stack_domain *domain);
/** stack_nodes_host() - /tool, /vm, /libxl and the like, once per store. */
int stack_nodes_host(struct stack *st) must_check;
/** stack_nodes_disk() - backend, frontend and libxl directories, one transaction. */
int stack_nodes_disk(struct stack *st, const struct attached *at,
	const struct stack_disk *disk, const char *params) must_check;

/** stack_make_dir() - @dir/@node owned by @owner, readable by @reader (-1: nobody else). */
int stack_make_dir(struct xs_handle *xs, uint32_t transaction, const char *dir, const char *node,
	unsigned owner, int reader) must_check;
/** stack_nodes_vm() - the part of a vm's nodes that process domains lack; in a transaction. */
int stack_nodes_vm(struct xs_handle *xs, uint32_t transaction, const char *home, const char *vm_dir,
	const struct stack_domain *domain) must_check;

/** stack_attach_begin() - write the nodes of a disk of the domain @domid. 0 or -errno with @why. */
int stack_attach_begin(struct stack *st, uint32_t domid, const struct stack_disk *disk, char *why,
	size_t why_room) must_check;
/**
 * stack_attach_check() - whether its backend waits for the frontend.
 * Return: 0; -EAGAIN: not yet, ask again soon; another -errno with @why.
 */
int stack_attach_check(struct stack *st, uint32_t domid, const struct stack_disk *disk, char *why,
	size_t why_room) must_check;
/** stack_find_attached() - NULL: there is none. */
struct attached *stack_find_attached(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev);
/**
 * stack_detach_begin() - have the backend of a running guest's device close, as libxl does:
 * the guest has its part in it. Return: 0, -ESRCH: no such device, or another -errno.
 */
int stack_detach_begin(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev) must_check;
/** stack_detach_done() - whether it has closed. */
bool stack_detach_done(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev);
/** stack_detach_finish() - remove the device; one that has not closed is taken from the guest. */
void stack_detach_finish(struct stack *st, uint32_t domid, enum stack_kind kind, uint32_t vdev);
/**
 * stack_detach_all() - close and remove the devices of @domid, whose vCPUs stand still. They are
 * all asked first and have one time together, so that many that hang cost what one does.
 */
void stack_detach_all(struct stack *st, uint32_t domid);

/**
 * stack_lvm_begin() - for a process domain, which cannot: activate the logical volume that
 * @disk names, until stack_lvm_end(). Return: its device, malloc'ed; NULL with errno set and @why.
 */
char *stack_lvm_begin(struct stack *st, struct attached *at, const struct stack_disk *disk, char *why,
	size_t why_room);
/** stack_lvm_end() - deactivate it again, if that was us and nobody else uses it. */
void stack_lvm_end(struct attached *at);

/**
 * stack_close_disk() - have the backend close, and wait for that; its nodes stay.
 * @guest_is_dead: no process of the guest domain is left to take part in it
 *
 * Return: 0, also when there is no backend any more; -ETIMEDOUT; -EPIPE the stack broke.
 */
int stack_close_disk(struct stack *st, const struct attached *at, bool guest_is_dead);
/** stack_backend_error() - what the backend says is wrong, malloc'ed; NULL: nothing. */
char *stack_backend_error(struct stack *st, const struct attached *at);
/** stack_forget() - take a disk off the list and free it. */
void stack_forget(struct stack *st, struct attached *at);

/** stack_domain_create() - a process domain and its directory. 0 or -errno with @why. */
int stack_domain_create(struct stack *st, uint32_t domid, const char *name, char *why, size_t why_room)
	must_check;
/**
 * stack_spawn_in() - start @argv in a process domain, through sluice-domain-init.
 * @how: but for its path and argv
 * @options: of sluice-domain-init; or NULL
 *
 * Return: the pid, or -errno with @why.
 */
pid_t stack_spawn_in(struct stack *st, uint32_t domid, char *const *argv, const struct spawn *how,
	const struct arg_list *options, char *why, size_t why_room) must_check;
/** stack_revive_store() - start it again, with its state. 0 or -errno with @why. */
int stack_revive_store(struct stack *st, char *why, size_t why_room) must_check;
/** stack_watch() - have the stack's watch tell when the child @pid ends. Return: for stack_unwatch(). */
int stack_watch(struct stack *st, pid_t pid);
/** stack_unwatch() - *@watch becomes -1. */
void stack_unwatch(int *watch);
/** stack_may_revive() - counts: some restarts are luck, many are a fault that will not go away. */
bool stack_may_revive(struct stack *st, unsigned *revived, uint64_t *revived_ms);
/** stack_backend_check() - whether a driver domain still is there to serve. 0, or -EPIPE with @why. */
int stack_backend_check(struct stack *st, uint32_t domid, char *why, size_t why_room);

/** stack_fail() - format @why and return @error. */
int stack_fail(char *why, size_t why_room, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** stack_program() - the path of one of our programs, or NULL with @why. */
char *stack_program(const char *folder, const char *name, char *why, size_t why_room);
/** stack_cancelled() - the user does not want to wait any more. */
bool stack_cancelled(const struct stack *st);

/** stack_sleep_ms() - sleeps; signals may shorten it. */
void stack_sleep_ms(unsigned ms);
/** stack_now_ms() - monotonic. */
uint64_t stack_now_ms(void);

#endif
