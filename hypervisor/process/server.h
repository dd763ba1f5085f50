/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's side of process domains; private to hypervisor/process and
 * main.c. All of it runs in one thread, the loop's, but for the domain_ops of pdomain.c, which
 * vCPUs' threads call, too: those touch only pd->frames and channels, under the domain's
 * lock, and leave the rest to the loop (see pdomain_tidy()).
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_SERVER_H
#define SLUICE_HYPERVISOR_PROCESS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/acceptor.h"
#include "common/log.h"
#include "common/loop.h"
#include "hypervisor/domain.h"
#include "hypervisor/process/control.h"
#include "hypervisor/process/wire.h"
#include "hypervisor/vm/arena.h"

struct conn;
struct pdomain;

/** Per domain; connections are one per library handle of each of its processes. */
#define HV_MAX_CONNECTIONS 256u
#define HV_DEFAULT_PAGES 65536u
#define HV_MAX_PAGES (1u << 20)
#define HV_DEFAULT_CHANNELS 4096u
#define HV_MAX_MAPPED (1u << 18)

/** struct hv - the hypervisor. */
struct hv {
	struct loop *loop;
	struct domain_set set;
	struct kvm *kvm;
	struct pdomain *domains; /* living ones */
	struct control *controls;
	struct acceptor control_acceptor;
	int control_fd;    /* listening, or -1 */
	int token_fd;      /* a pipe's read end with one byte in it, see channel.c */
	int token_write_fd;
	unsigned fd_budget; /* descriptors that one domain may cost us */
	pthread_t thread;   /* the loop's */
	int idle_fd;        /* an eventfd: domains have grants to tidy up */
	struct loop_source *idle_source;
	pthread_mutex_t idle_lock; /* inside a domain's lock */
	struct pdomain *idle;      /* each with a reference */
	bool private_stack; /* end with the inherited control connection */
};

/** struct frame - what a grant entry's frame number means. Changed under the domain's lock. */
struct frame {
	struct share *share; /* NULL: nothing */
	uint32_t page;
	bool revoked; /* ended while pinned: free when idle */
	uint32_t next_idle;
};

/** struct pdomain - a process domain. */
struct pdomain {
	struct domain d; /* first: container_of */
	struct hv *hv;
	struct pdomain *next;
	int listen_fd;
	struct acceptor acceptor;
	struct conn *conns;
	unsigned nr_conns;
	unsigned fds;
	struct log_limit limit; /* its own: it must not silence what others cause */
	uint32_t max_pages;
	uint32_t pages;
	grant_entry_v1_t *entries;
	struct frame *frames; /* by reference: a process domain's frame number is its gref */
	uint32_t *free_refs;  /* a stack */
	uint32_t nr_free_refs;
	uint32_t idle_refs; /* idle since, by a vCPU's doing: a list ended by 0. Under d.lock */
	struct pdomain *next_idle;
};

/** struct notify - what to do when a share or map goes. */
struct notify {
	uint32_t action; /* enum wire_notify_action */
	uint32_t offset;
	uint32_t port; /* held while WIRE_NOTIFY_SEND is set */
};

/** struct share - memory that a domain made to grant it. */
struct share {
	struct share *next; /* of its connection */
	struct pdomain *pd; /* whose budget it is on; outlives it by reference */
	struct conn *conn;  /* NULL: unshared, some page is still mapped */
	uint32_t id;
	uint32_t domid; /* to whom */
	uint32_t nr_pages;
	uint32_t in_use; /* pages that are granted or still mapped by somebody */
	bool writable;
	bool sealed; /* prepared: pages may be granted */
	int fd;
	uint8_t *addr;
	struct notify notify;
	uint32_t refs[]; /* by page; 0: not granted */
};

/** struct map - what one WIRE_MAP mapped. */
struct map {
	uint32_t nr;
	bool readonly;
	struct notify notify;
	struct {
		uint32_t handle;
		struct domain *grantor; /* held by the handle */
		uint32_t frame;
	} pages[];
};

/** struct conn - one connection of a domain. */
struct conn {
	struct conn *next;
	struct pdomain *pd;
	int fd;
	struct loop_source *source;
	bool greeted;
	int32_t restricted; /* the only domid it may name, or -1 */
	struct share *shares;
	uint32_t next_share;
	struct map **maps; /* by id */
	uint32_t nr_maps;
	uint32_t map_hint;
	struct arena_set arenas; /* what vms lend it */
	struct wire_staging *staging;
};

/* server.c */

/** hv_init() - before confinement. 0 or -errno. */
int hv_init(struct hv *hv) must_check;
void hv_fini(struct hv *hv);
/** hv_fd_charge() - true, or false when the domain's budget of descriptors is spent. */
bool hv_fd_charge(struct pdomain *pd, unsigned n) must_check;
void hv_fd_uncharge(struct pdomain *pd, unsigned n);

/* control-server.c */

/** control_listen() - serve a listening control socket; control_adopt() - a connected one. */
int control_listen(struct hv *hv, int fd) must_check;
int control_adopt(struct hv *hv, int fd, bool last_words) must_check;
void control_close_all(struct hv *hv);

/* pdomain.c */

int pdomain_create(struct hv *hv, const struct hvctl_domain_config *config, int listen_fd,
	uint32_t *domid) must_check;
void pdomain_destroy(struct pdomain *pd);
struct pdomain *pdomain_find(struct hv *hv, uint32_t domid);
void pdomain_info(const struct pdomain *pd, struct hvctl_domain_info *info);
/** pdomain_tidy() - free what became idle on other threads. */
void pdomain_tidy(struct hv *hv);
/** pdomain_is() - @d as a process domain, or NULL when it is of another kind. */
struct pdomain *pdomain_is(struct domain *d);
/** pdomain_memory() - the share and page behind a frame of a process domain. */
struct share *pdomain_memory(struct domain *d, uint32_t frame, uint32_t *page);

/* conn.c */

/** SERVER_SO_PASSRIGHTS - SO_PASSRIGHTS of <asm/socket.h>, which Debian 12 has not yet. */
#define SERVER_SO_PASSRIGHTS 83
/**
 * socket_refuse_fds() - nobody can send descriptors to @fd, or to what it accepts, where the
 * kernel can refuse them: one that is only dropped may still delay us, as the last user of a
 * TCP socket that lingers.
 */
void socket_refuse_fds(int fd);
/** conn_new() - serve a connected socket as @pd; takes @fd also when it fails. */
int conn_new(struct pdomain *pd, int fd, int32_t restricted) must_check;
/** conn_close() - release all that was made through it. */
void conn_close(struct conn *conn);
/**
 * conn_reply() - send a reply of @len bytes, never blocking.
 * Return: 0, or -errno: the connection is lost and must be closed.
 */
int conn_reply(struct conn *conn, const void *reply, size_t len, const int *fds,
	unsigned nfds) must_check;
/** conn_result() - reply @rc alone. */
int conn_result(struct conn *conn, uint32_t op, int rc) must_check;
/** conn_may_name() - whether its restriction lets it name @domid. */
bool conn_may_name(const struct conn *conn, uint32_t domid);

/*
 * Handlers: @msg is @len bytes, at least a head. 0, or -errno to close the
 * connection (-EPROTO: the message was malformed).
 */
int serve_event_unbound(struct conn *conn, const void *msg, size_t len) must_check;
int serve_event_bind(struct conn *conn, const void *msg, size_t len) must_check;
int serve_event_virq(struct conn *conn, const void *msg, size_t len) must_check;
int serve_event_close(struct conn *conn, const void *msg, size_t len) must_check;
int serve_share(struct conn *conn, const void *msg, size_t len) must_check;
int serve_grant(struct conn *conn, const void *msg, size_t len) must_check;
int serve_unshare(struct conn *conn, const void *msg, size_t len) must_check;
int serve_map(struct conn *conn, const void *msg, size_t len) must_check;
int serve_unmap(struct conn *conn, const void *msg, size_t len) must_check;
int serve_notify(struct conn *conn, const void *msg, size_t len) must_check;
int serve_copy_setup(struct conn *conn, const void *msg, size_t len) must_check;
int serve_copy(struct conn *conn, const void *msg, size_t len) must_check;

/* conn-share.c, conn-map.c, conn-copy.c */
void share_release_all(struct conn *conn);
void map_init(struct conn *conn);
void map_release_all(struct conn *conn);
void copy_release(struct conn *conn);
/** share_page_idle() - the last user of a page that was unshared has gone. */
void share_page_idle(struct pdomain *pd, uint32_t ref);
struct share *share_find(struct conn *conn, uint32_t id);
struct map *map_find(struct conn *conn, uint32_t id);

/* notify.c */
/** notify_run() - clear the byte in @page (NULL: leave it), send the event, forget both. */
void notify_run(struct conn *conn, struct notify *notify, uint8_t *page);

/* memfd.c */
/** memfd_make() - sealed against resizing, all pages allocated, reopenable by nobody. */
int memfd_make(const char *name, size_t size, bool more_seals) must_check;
/** memfd_seal_readonly() - no new writable mapping, no further seals. */
int memfd_seal_readonly(int fd) must_check;

/* channel.c */
struct channel;
/** enum channel_kind - what the other end of a process domain's channel is. */
enum channel_kind { CHANNEL_VIRQ, CHANNEL_PROCESS, CHANNEL_VM };
/** channel_new() - a channel, whose side 0 is @pd's; NULL with errno set. */
struct channel *channel_new(struct pdomain *pd, enum channel_kind kind);
void channel_free(struct channel *ch);
/** channel_raise() - put a byte into the pipe that @side reads. Never blocks. */
void channel_raise(struct hv *hv, struct channel *ch, unsigned side);
/**
 * channel_fds() - @side's two descriptors (one for a virq), ready to be sent. 0: there are none,
 * for it is a channel with a vm, whose place another process domain has taken.
 */
unsigned channel_fds(struct channel *ch, unsigned side, int fds[2]);
/** channel_listen() - the eventfd that @side tells a vm with; -EBUSY: it was not made for that. */
int channel_listen(const struct channel *ch, unsigned side);

#endif
