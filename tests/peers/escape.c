// SPDX-License-Identifier: MIT
/*
 * What a backend that a guest has taken over would try. Started in the place of a
 * backend by sluice-driverd it confines itself as backends do and then tries everything;
 * started by hand with --free it does not confine itself, and everything has to work: that
 * is what makes the other run mean something.
 *
 * One line per attempt: its name, and "done" or the error's number. The daemon's and
 * the victim's ids, and what to reach, are in the environment.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "backends/blk/uring-slot.h"
#include "backends/common/confined.h"
#include "common/array.h"
#include "common/log.h"
#include "tests/peers/escape-store.h"
#include "xenstore/xenlog.h"

static pid_t daemon_pid, victim_pid, other_pid;
static const char *secret, *hypervisor_path, *store_path, *gate_path;
static uint32_t own_ref, other_ref;
static struct uring_slot slot; /* as a backend has one */
static struct io_uring plain;  /* what it would have to have instead */
static struct io_uring *ring;
static xengnttab_handle *grants;

static int result(long rc)
{
	return rc < 0 ? -errno : 0;
}

static int close_opened(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* --- files and sockets ------------------------------------------------------------- */

static int try_open(void)
{
	return close_opened(open(secret, O_RDONLY));
}

static int try_open_proc(void)
{
	return close_opened(open("/proc/self/environ", O_RDONLY));
}

static int try_stat(void)
{
	return result(access(secret, F_OK));
}

static int try_socket(void)
{
	return close_opened(socket(AF_INET, SOCK_STREAM, 0));
}

static void path_address(struct sockaddr_un *sa, const char *path)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path);
}

static int connect_to(const char *path, int type)
{
	struct sockaddr_un sa;
	int fd = socket(AF_UNIX, type, 0);
	int rc = fd < 0 ? -errno : 0;

	path_address(&sa, path);
	if (rc == 0)
		rc = result(connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The domain's socket is not restricted to one guest. */
static int try_connect(void)
{
	return connect_to(hypervisor_path, SOCK_SEQPACKET);
}

/* Nor is this one to a device. */
static int try_connect_store(void)
{
	return connect_to(store_path, SOCK_STREAM);
}

/* Where the daemon says which device is whose. */
static int try_connect_gate(void)
{
	return connect_to(gate_path, SOCK_SEQPACKET);
}

/* --- by io_uring ------------------------------------------------------------------- */

static int ring_wait(void)
{
	struct io_uring_cqe *cqe;
	int rc = io_uring_submit_and_wait(ring, 1);

	if (rc >= 0)
		rc = io_uring_peek_cqe(ring, &cqe);
	if (rc < 0)
		return rc;
	rc = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (rc > 2)
		close(rc);
	return rc < 0 ? rc : 0;
}

static int try_ring_open(void)
{
	io_uring_prep_openat(io_uring_get_sqe(ring), AT_FDCWD, secret, O_RDONLY, 0);
	return ring_wait();
}

static int try_ring_socket(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_rw(IORING_OP_SOCKET, sqe, AF_UNIX, NULL, 0, SOCK_SEQPACKET);
	return ring_wait();
}

static int try_ring_connect(void)
{
	struct sockaddr_un sa;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int rc;

	path_address(&sa, hypervisor_path);
	/* Without a socket any number will do: it has to be refused before that is looked at. */
	io_uring_prep_connect(io_uring_get_sqe(ring), fd < 0 ? 0 : fd, (struct sockaddr *)&sa, sizeof(sa));
	rc = ring_wait();
	if (fd >= 0)
		close(fd);
	return rc;
}

static int try_ring_setup(void)
{
	struct io_uring another;
	int rc = io_uring_queue_init(8, &another, 0);

	if (rc == 0)
		io_uring_queue_exit(&another);
	return rc;
}

static int try_ring_probe(void)
{
	static uint64_t room[512];

	return result(syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_PROBE, room, 0));
}

static int try_ring_read(void)
{
	static char byte;
	int fds[2];
	int rc;

	if (pipe2(fds, O_CLOEXEC) < 0 || write(fds[1], "x", 1) != 1)
		return -errno;
	io_uring_prep_read(io_uring_get_sqe(ring), fds[0], &byte, 1, -1);
	rc = ring_wait();
	close(fds[0]);
	close(fds[1]);
	return rc;
}

/* --- other processes --------------------------------------------------------------- */

static int try_ptrace(void)
{
	int rc = result(ptrace(PTRACE_ATTACH, victim_pid, NULL, NULL));

	if (rc == 0) {
		waitpid(victim_pid, NULL, 0);
		ptrace(PTRACE_DETACH, victim_pid, NULL, NULL);
	}
	return rc;
}

static int try_read_memory(void)
{
	static char here[16];
	struct iovec local = { here, sizeof(here) };
	/* The same program, not moved: its data are where ours are. */
	struct iovec remote = { here, sizeof(here) };
	ssize_t n = process_vm_readv(other_pid, &local, 1, &remote, 1, 0);

	/* Where its memory is laid out otherwise the right was there all the same. */
	return n < 0 && errno != EFAULT ? -errno : 0;
}

static int try_take_descriptor(void)
{
	int pidfd = syscall(SYS_pidfd_open, other_pid, 0);
	int rc = pidfd < 0 ? -errno : close_opened(syscall(SYS_pidfd_getfd, pidfd, 0, 0));

	if (pidfd >= 0)
		close(pidfd);
	return rc;
}

static int try_signal(void)
{
	return result(kill(victim_pid, SIGCONT));
}

static int try_signal_thread(void)
{
	return result(syscall(SYS_tgkill, victim_pid, victim_pid, SIGCONT));
}

static int try_signal_daemon(void)
{
	return result(kill(daemon_pid, 0));
}

/* SIGIO of a descriptor to somebody else. */
static int try_signal_by_owner(void)
{
	return result(fcntl(STDERR_FILENO, F_SETOWN, victim_pid));
}

#ifdef SYS_fork
#define FORK_CALL SYS_fork
#else
#define FORK_CALL (-1) /* what arm64 does not have fails */
#endif

static int try_fork(void)
{
	pid_t pid = syscall(FORK_CALL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -errno : result(waitpid(pid, NULL, 0));
}

static int try_clone(void)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -errno : result(waitpid(pid, NULL, 0));
}

static int try_exec(void)
{
	/* Of what is not there: the right to ask is what is refused. */
	execl("/nonexistent", "nonexistent", (char *)NULL);
	return errno == ENOENT ? 0 : -errno;
}

/* --- the system -------------------------------------------------------------------- */

/* Last of all: what it does stays. */
static int try_unshare(void)
{
	return result(unshare(CLONE_NEWNS));
}

static int try_mount(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int try_chroot(void)
{
	return result(chroot("/"));
}

static int try_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : result(munmap(p, 4096));
}

static int try_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int try_limits(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	return result(setrlimit(RLIMIT_CORE, &limit));
}

static int try_setuid(void)
{
	return result(setuid(getuid()));
}

static int try_keys(void)
{
	return result(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* session */, 1));
}

static int try_netlink(void)
{
	return close_opened(socket(AF_NETLINK, SOCK_RAW, 0));
}

/* --- guests ------------------------------------------------------------------------ */

static int map_grant(uint32_t domid, uint32_t ref)
{
	void *page = xengnttab_map_grant_ref(grants, domid, ref, PROT_READ);

	return page ? result(xengnttab_unmap(grants, page, 1)) : -errno;
}

static int try_other_guest(void)
{
	return map_grant(3, other_ref);
}

static int try_own_guest(void)
{
	return map_grant(2, own_ref);
}

static void *thread(void *opaque)
{
	return opaque;
}

static int try_thread(void)
{
	pthread_t t;
	int rc = -pthread_create(&t, NULL, thread, NULL);

	return rc ? rc : -pthread_join(t, NULL);
}

/* Those marked with a star are to work for a backend, too. */
static const struct attempt {
	const char *name;
	int (*fn)(void);
} attempts[] = {
	{ "*own-guest's-page", try_own_guest },
	{ "*thread", try_thread },
	{ "*ring-read", try_ring_read },
	{ "other-guest's-page", try_other_guest },
	{ "open", try_open },
	{ "open-proc", try_open_proc },
	{ "access", try_stat },
	{ "socket", try_socket },
	{ "netlink", try_netlink },
	{ "connect-to-the-hypervisor", try_connect },
	{ "connect-to-the-store", try_connect_store },
	{ "connect-to-the-gate", try_connect_gate },
	{ "ring-setup", try_ring_setup },
	{ "ring-open", try_ring_open },
	{ "ring-socket", try_ring_socket },
	{ "ring-connect", try_ring_connect },
	{ "ring-probe", try_ring_probe },
	{ "ptrace", try_ptrace },
	{ "read-memory", try_read_memory },
	{ "take-descriptor", try_take_descriptor },
	{ "signal", try_signal },
	{ "signal-a-thread", try_signal_thread },
	{ "signal-the-daemon", try_signal_daemon },
	{ "signal-by-owner", try_signal_by_owner },
	{ "fork", try_fork },
	{ "clone", try_clone },
	{ "exec", try_exec },
	{ "executable-memory", try_executable_memory },
	{ "dumpable", try_dumpable },
	{ "limits", try_limits },
	{ "setuid", try_setuid },
	{ "keys", try_keys },
	{ "chroot", try_chroot },
	{ "unshare", try_unshare },
	{ "mount", try_mount },
};

/* --- around it --------------------------------------------------------------------- */

static const char *need(const char *name)
{
	const char *text = getenv(name);

	if (!text)
		die("%s is not set", name);
	return text;
}

static void prepare(bool is_free)
{
	char why[128] = "";
	int rc;

	daemon_pid = getppid();
	victim_pid = atoi(need("ESCAPE_VICTIM"));
	other_pid = atoi(need("ESCAPE_OTHER"));
	secret = need("ESCAPE_SECRET");
	hypervisor_path = need("ESCAPE_HYPERVISOR");
	store_path = need("ESCAPE_STORE");
	gate_path = need("ESCAPE_GATE");
	escape_store_open();
	own_ref = atoi(need("ESCAPE_OWN_REF"));
	other_ref = atoi(need("ESCAPE_OTHER_REF"));
	if (is_free) {
		grants = xengnttab_open(xenlog(), 0);
		rc = grants ? io_uring_queue_init(8, &plain, 0) : -errno;
		ring = &plain;
	} else {
		rc = uring_slot_make(&slot, why, sizeof(why));
		grants = slot.slot.xgt;
		ring = &slot.uring;
	}
	if (rc < 0)
		die("cannot begin: %s (%s)", strerror(-rc), why);
}

static void confine(void)
{
	struct confine_options options = { .keep_root = false };
	int rc = confined_begin(&options);

	if (rc == 0)
		rc = uring_slot_enable(&slot);
	if (rc < 0)
		die("not confined: %s", strerror(-rc));
}

static int escape(bool is_free)
{
	FILE *out = fopen(need(is_free ? "ESCAPE_FREE_OUT" : "ESCAPE_OUT"), "we");

	log_init("escape");
	if (!out)
		die("no output: %s", strerror(errno));
	setvbuf(out, NULL, _IOLBF, 0);
	prepare(is_free);
	if (!is_free)
		confine();
	escape_store(out);
	for (unsigned i = 0; i < ARRAY_SIZE(attempts); i++) {
		int rc = attempts[i].fn();

		fprintf(out, "%s %s\n", attempts[i].name, rc ? strerrorname_np(-rc) : "done");
	}
	fprintf(out, "end\n");
	fclose(out);
	/* A backend goes on until it is ended. */
	while (!is_free)
		(void)poll(NULL, 0, -1);
	return 0;
}

/* A guest that shares a page with the driver domain; says which, and stays. */
static void share(const char *file)
{
	xengntshr_handle *s = xengntshr_open(xenlog(), 0);
	FILE *out = fopen(file, "we");
	uint32_t ref;

	if (!s || !out || !xengntshr_share_pages(s, 1, 1, &ref, 1))
		die("nothing shared: %s", strerror(errno));
	fprintf(out, "%u\n", ref);
	fclose(out);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--share") == 0)
		share(argv[2]);
	return escape(argc > 1 && strcmp(argv[1], "--free") == 0);
}
