// SPDX-License-Identifier: MIT
/* sluice-store: options, start-up, and which domain is reached how. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/open-files.h"
#include "hypervisor/store/ring-attach.h"
#include "hypervisor/store/socket.h"
#include "hypervisor/store/state-file.h"
#include "hypervisor/store/store.h"

struct options {
	const char *socket;
	int socket_fd;
	const char *domain_dir;
	const char *state_file;
	int exit_fd;
	struct quota_limits limits;
};

struct server {
	struct loop *loop;
	struct store *store;
	struct rings *rings;
	struct state_file *state;
	const char *domain_dir;
	int signal_fd;
};

/* How one domain is reached: one of the two. */
struct domain_link {
	struct listener *listener;
	struct ring_link *ring;
};

static int server_attach(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port,
	void **transport)
{
	struct server *server = opaque;
	struct domain_link *link;
	int rc;

	if (port == 0 && (gfn != 0 || !server->domain_dir)) {
		log_err("domain %u cannot be introduced: %s", domid, gfn ?
			"a ring needs an event channel" :
			"process domains need --domain-dir");
		return -EINVAL;
	}
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	if (port)
		link->ring = rings_attach(server->rings, domid, port);
	else
		link->listener = listener_open_domain(server->loop, server->store, domid,
			server->domain_dir);
	if (link->ring || link->listener) {
		*transport = link;
		return 0;
	}
	rc = -errno;
	if (!port)
		log_err("%s/%u/store.sock cannot be listened on: %s", server->domain_dir, domid,
			strerror(-rc));
	free(link);
	return rc;
}

static void server_detach(void *opaque, void *transport)
{
	struct domain_link *link = transport;

	if (link->ring)
		rings_detach(link->ring);
	listener_free(link->listener);
	free(link);
}

static const struct store_ops server_ops = {
	.attach = server_attach,
	.detach = server_detach,
};

static void usage(void)
{
	printf("Usage: sluice-store --socket=PATH|--socket-fd=N [OPTION]...\n"
	       "Serve the xenstore protocol to the toolstack and to domains.\n\n"
	       "  --socket=PATH         listen here for the toolstack (mode 0600)\n"
	       "  --socket-fd=N         the same on a descriptor that is listening already\n"
	       "  --domain-dir=DIR      process domains find their sockets at DIR/DOMID/store.sock\n"
	       "  --state-file=FILE     keep all there, and go on from what is there\n"
	       "  --exit-with-fd=N      end when this descriptor reports the end of its stream\n"
	       "  --quota-NAME=N        a limit for each domain; NAME and default:\n");
	for (unsigned i = 0;; i++) {
		unsigned long value;
		const char *name = quota_name(&quota_defaults, i, &value);

		if (!name)
			break;
		printf("                          %-18s %lu\n", name, value);
	}
	printf("  --log-level=LEVEL     error, warning (default), info, debug\n"
	       "  --help                show this and exit\n"
	       "  --version             show the version and exit\n");
}

static int parse_fd(const char *name, const char *text)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno || end == text || *end || fd < 0 || fd > 1 << 20 ||
		fcntl(fd, F_GETFD) < 0)
		die("--%s=%s is not an open descriptor", name, text);
	return fd;
}

enum { OPT_SOCKET = 1, OPT_SOCKET_FD, OPT_DOMAIN_DIR, OPT_STATE, OPT_EXIT_FD, OPT_LOG, OPT_HELP,
	OPT_VERSION, OPT_QUOTA };

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "socket-fd", required_argument, NULL, OPT_SOCKET_FD },
	{ "domain-dir", required_argument, NULL, OPT_DOMAIN_DIR },
	{ "state-file", required_argument, NULL, OPT_STATE },
	{ "exit-with-fd", required_argument, NULL, OPT_EXIT_FD },
	{ "log-level", required_argument, NULL, OPT_LOG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "quota-nodes", required_argument, NULL, OPT_QUOTA },
	{ "quota-watches", required_argument, NULL, OPT_QUOTA },
	{ "quota-transactions", required_argument, NULL, OPT_QUOTA },
	{ "quota-transaction-nodes", required_argument, NULL, OPT_QUOTA },
	{ "quota-node-size", required_argument, NULL, OPT_QUOTA },
	{ "quota-permissions", required_argument, NULL, OPT_QUOTA },
	{ "quota-outstanding", required_argument, NULL, OPT_QUOTA },
	{ "quota-memory", required_argument, NULL, OPT_QUOTA },
	{ NULL, 0, NULL, 0 },
};

static void parse_option(struct options *options, int c, const char *name)
{
	enum log_level level;

	switch (c) {
	case OPT_SOCKET:
		options->socket = optarg;
		break;
	case OPT_SOCKET_FD:
		options->socket_fd = parse_fd(name, optarg);
		break;
	case OPT_DOMAIN_DIR:
		options->domain_dir = optarg;
		break;
	case OPT_STATE:
		options->state_file = optarg;
		break;
	case OPT_EXIT_FD:
		options->exit_fd = parse_fd(name, optarg);
		break;
	case OPT_LOG:
		if (log_level_parse(optarg, &level) < 0)
			die("--log-level=%s is none of error, warning, info, debug", optarg);
		log_set_level(level);
		break;
	case OPT_QUOTA:
		if (quota_set_by_name(&options->limits, name + strlen("quota-"), optarg) < 0)
			die("--%s=%s is not a number from 1 to 2147483648", name, optarg);
		break;
	case OPT_HELP:
		usage();
		exit(0);
	case OPT_VERSION:
		printf("sluice-store %s\n", PACKAGE_VERSION);
		exit(0);
	default:
		die("try --help");
	}
}

static void parse_options(struct options *options, int argc, char **argv)
{
	int c, index = 0;

	while ((c = getopt_long(argc, argv, "", long_options, &index)) != -1)
		parse_option(options, c, long_options[index].name);
	if (optind < argc)
		die("%s is not an option; try --help", argv[optind]);
	if (!options->socket == (options->socket_fd < 0))
		die("give one of --socket=PATH and --socket-fd=N");
}

static void server_signal(void *opaque, uint32_t events)
{
	struct server *server = opaque;
	struct signalfd_siginfo info;

	if (read(server->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop_stop(server->loop, 0);
}

static void server_catch_signals(struct server *server)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	server->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signal_fd < 0 ||
		!loop_add_fd(server->loop, server->signal_fd, EPOLLIN, server_signal, server))
		die("signals cannot be waited for: %s", strerror(errno));
}

/* What is on the other end says nothing: only that it is gone matters. */
static void server_parent(void *opaque, uint32_t events)
{
	struct server *server = opaque;

	loop_stop(server->loop, 0);
}

static void server_follow(struct server *server, int fd)
{
	if (fd < 0)
		return;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (!loop_add_fd(server->loop, fd, EPOLLRDHUP, server_parent, server))
		die("--exit-with-fd=%d cannot be waited for: %s", fd, strerror(errno));
}

static struct listener *server_listen_fd(struct server *server, int fd)
{
	int flags = fcntl(fd, F_GETFL), listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
		die("--socket-fd=%d is not a listening socket", fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		die("--socket-fd=%d cannot be used: %s", fd, strerror(errno));
	return listener_new(server->loop, server->store, 0, fd, NULL);
}

static struct listener *server_listen(struct server *server, const struct options *options)
{
	struct listener *listener;

	if (options->socket)
		listener = listener_open(server->loop, server->store, 0, options->socket);
	else
		listener = server_listen_fd(server, options->socket_fd);
	if (!listener)
		die("%s cannot be listened on: %s",
			options->socket ? options->socket : "--socket-fd", strerror(errno));
	return listener;
}

static void open_state(struct server *server, const char *path)
{
	server->state = state_file_open(path);
	if (server->state)
		return;
	if (errno == EWOULDBLOCK)
		die("--state-file=%s is in use by another store", path);
	if (errno == EPERM)
		die("--state-file=%s is not a file of this user that only he can write", path);
	die("--state-file=%s cannot be opened: %s", path, strerror(errno));
}

/* The store that the state file holds, its rings where they were; else a new one. */
static void make_store(struct server *server, const struct options *options)
{
	int rc = 0;

	if (options->state_file)
		open_state(server, options->state_file);
	if (server->state)
		rc = state_file_load(server->state, &options->limits, &server_ops, server,
			&server->store);
	if (rc < 0)
		die("--state-file=%s cannot be loaded: %s; without the file the store begins anew",
			options->state_file, strerror(-rc));
	if (server->store)
		store_resume(server->store);
	else
		server->store = store_new(&options->limits, &server_ops, server);
	if (!server->store)
		die("no memory");
	if (server->state)
		rc = state_file_keep(server->state, server->store);
	if (rc < 0)
		die("--state-file=%s cannot be written: %s", options->state_file, strerror(-rc));
}

int main(int argc, char **argv)
{
	struct options options = { .socket_fd = -1, .exit_fd = -1, .limits = quota_defaults };
	struct server server = { .loop = NULL };
	struct listener *listener;
	int status;

	log_init("sluice-store");
	parse_options(&options, argc, argv);
	status = fault_guard();
	if (status < 0)
		die("cannot catch SIGBUS: %s", strerror(-status));
	(void)open_files_raise(); /* every connection of every domain is a descriptor */
	server.domain_dir = options.domain_dir;
	server.loop = loop_new();
	server.rings = rings_new(server.loop, &server.store);
	if (!server.loop || !server.rings)
		die("no memory");
	make_store(&server, &options);
	server_catch_signals(&server);
	server_follow(&server, options.exit_fd);
	listener = server_listen(&server, &options);
	status = loop_run(server.loop);
	if (status < 0)
		log_err("waiting for events failed: %s", strerror(-status));
	/* What ends now was not asked to end by those whom it serves. */
	state_stop(server.store);
	listener_free(listener);
	store_free(server.store);
	state_file_close(server.state);
	rings_free(server.rings);
	loop_free(server.loop);
	close(server.signal_fd);
	return status < 0;
}
