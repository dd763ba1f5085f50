// SPDX-License-Identifier: MIT
/*
 * sluice-hypervisor: the trusted part. It takes its sockets, gives up all rights
 * that serving does not need, and then serves in one thread, and vms in their own.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"
#include "hypervisor/confine.h"
#include "hypervisor/process/server.h"
#include "hypervisor/vm/kvm.h"
#include "hypervisor/vm/memory.h"

struct options {
	const char *control;
	int control_fd;
	const char *kvm;
	enum kvm_hypercalls hypercalls;
};

enum { OPT_CONTROL = 256, OPT_CONTROL_FD, OPT_FOREGROUND, OPT_KVM, OPT_HYPERCALLS, OPT_LOG_LEVEL };

static const struct option long_options[] = {
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "control-fd", required_argument, NULL, OPT_CONTROL_FD },
	{ "foreground", no_argument, NULL, OPT_FOREGROUND },
	{ "kvm", required_argument, NULL, OPT_KVM },
	{ "hypercalls", required_argument, NULL, OPT_HYPERCALLS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	puts("usage: sluice-hypervisor [--control=PATH] [--control-fd=N] [OPTION]...\n"
	     "\n"
	     "  --control=PATH     listen for the toolstack on the Unix socket PATH\n"
	     "  --control-fd=N     serve the toolstack on the connected socket N that was\n"
	     "                     inherited, and end when it closes\n"
	     "  --foreground       stay in the foreground (it always does)\n"
	     "  --kvm=PATH         make vms with the KVM device PATH (/dev/kvm)\n"
	     "  --hypercalls=HOW   of a vm's kernel: rewrite (the default), or kvm: as they are\n"
	     "  --log-level=LEVEL  error, warning, info or debug\n"
	     "  --help, --version");
}

static int parse_fd(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || fd < 0 || fd > 1 << 20 || fcntl(fd, F_GETFD) < 0)
		die("--control-fd=%s is no open descriptor", text);
	return fd;
}

static enum kvm_hypercalls parse_hypercalls(const char *text)
{
	if (strcmp(text, "rewrite") == 0)
		return KVM_HYPERCALLS_REWRITE;
	if (strcmp(text, "kvm") != 0)
		die("--hypercalls=%s is neither rewrite nor kvm", text);
	return KVM_HYPERCALLS_KVM;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	enum log_level level;
	int c;

	*o = (struct options){ .control_fd = -1, .kvm = "/dev/kvm" };
	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_CONTROL:
			o->control = optarg;
			break;
		case OPT_CONTROL_FD:
			o->control_fd = parse_fd(optarg);
			break;
		case OPT_FOREGROUND:
			break;
		case OPT_KVM:
			o->kvm = optarg;
			break;
		case OPT_HYPERCALLS:
			o->hypercalls = parse_hypercalls(optarg);
			break;
		case OPT_LOG_LEVEL:
			if (log_level_parse(optarg, &level) < 0)
				die("--log-level=%s is none of error, warning, info, debug", optarg);
			log_set_level(level);
			break;
		case 'h':
			usage();
			exit(0);
		case 'V':
			puts("sluice-hypervisor " PACKAGE_VERSION);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		die("unexpected argument '%s'; see --help", argv[optind]);
	if (!o->control && o->control_fd < 0)
		die("give --control=PATH or --control-fd=N; see --help");
}

/* Removes a socket that nobody listens on any more; dies if somebody does, or it is none. */
static void unlink_stale(const struct sockaddr_un *sa)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct stat st;

	/* To connect to what is no socket is refused, too. */
	if (lstat(sa->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
		die("%s is there and is no socket; remove it or give another --control", sa->sun_path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		die("another hypervisor serves %s", sa->sun_path);
	if (errno == ECONNREFUSED)
		unlink(sa->sun_path);
}

static int control_socket(const char *path)
{
	static const char suffix[] = ".new";
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;

	if (strlen(path) + sizeof(suffix) > sizeof(sa.sun_path))
		die("the path of the control socket is too long (%zu bytes at most): %s",
			sizeof(sa.sun_path) - sizeof(suffix), path);
	strcpy(sa.sun_path, path);
	unlink_stale(&sa);
	/* It gets its name when it listens: between bind() and listen() callers are refused. */
	strcat(sa.sun_path, suffix);
	unlink_stale(&sa);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("cannot make a socket: %s", strerror(errno));
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("cannot make the control socket %s: %s", path, strerror(errno));
	umask(mask);
	if (listen(fd, 16) < 0 || rename(sa.sun_path, path) < 0)
		die("cannot listen on %s: %s", path, strerror(errno));
	return fd;
}

static void confine(void)
{
	int rc = confine_self();

	if (rc == -ENOTSUP)
		log_warn("built without libseccomp: this hypervisor is not confined; "
			 "install libseccomp-dev and build again");
	else if (rc < 0)
		die("cannot confine myself: %s", strerror(-rc));
}

int main(int argc, char **argv)
{
	struct options o;
	struct hv hv;
	int rc;

	log_init("sluice-hypervisor");
	parse_options(argc, argv, &o);
	signal(SIGPIPE, SIG_IGN);
	rc = fault_guard();
	if (rc == 0)
		rc = hv_init(&hv);
	if (rc == 0) {
		mem_budget_init();
		hv.kvm = kvm_open(o.kvm, &hv.set, hv.loop, hv.fd_budget, o.hypercalls);
		rc = hv.kvm ? 0 : -errno;
	}
	if (rc == 0 && o.control)
		rc = control_listen(&hv, control_socket(o.control));
	if (rc == 0 && o.control_fd >= 0) {
		if (fcntl(o.control_fd, F_SETFD, FD_CLOEXEC) < 0)
			rc = -errno;
		else
			rc = control_adopt(&hv, o.control_fd, true);
	}
	if (rc < 0)
		die("cannot start: %s", strerror(-rc));
	confine();
	rc = loop_run(hv.loop);
	hv_fini(&hv);
	if (rc < 0)
		die("cannot wait for events: %s", strerror(-rc));
	return rc;
}
