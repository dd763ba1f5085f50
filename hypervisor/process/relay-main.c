// SPDX-License-Identifier: MIT
/* sluice-relay: a process domain's way to the servers that it was given. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/confine.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/servers-named.h"
#include "hypervisor/process/relay.h"

struct options {
	int control;
	struct servers_named servers;
};

enum { OPT_CONTROL_FD = 256, OPT_DOMAIN, OPT_SERVER };

static const struct option long_options[] = {
	{ "control-fd", required_argument, NULL, OPT_CONTROL_FD },
	{ "domain", required_argument, NULL, OPT_DOMAIN },
	{ "server", required_argument, NULL, OPT_SERVER },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	puts("usage: sluice-relay --control-fd=FD --server=HOST:PORT [--server=..].. [--domain=NAME]\n"
	     "\n"
	     "Connects a process domain with servers. Started by the toolstack.\n"
	     "\n"
	     "  --control-fd=FD     a SOCK_SEQPACKET socket: listening sockets come here, and the end\n"
	     "  --server=HOST:PORT  one that such a socket may be for; HOST:FIRST-LAST, [IPV6]:PORT\n"
	     "  --domain=NAME       of whom messages tell\n"
	     "  --help, --version");
}

static int parse_fd(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > INT_MAX)
		die("--control-fd=%s is no descriptor", text);
	return (int)n;
}

static void add_server(struct options *o, char *text)
{
	char why[400];

	if (servers_named_add(&o->servers, text, why, sizeof(why)) < 0)
		die("%s", why);
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_CONTROL_FD:
			o->control = parse_fd(optarg);
			break;
		case OPT_DOMAIN:
			log_set_device(optarg);
			break;
		case OPT_SERVER:
			add_server(o, optarg);
			break;
		case 'h':
			usage();
			exit(0);
		case 'V':
			puts("sluice-relay " PACKAGE_VERSION);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc || o->control < 0 || !o->servers.servers.count)
		die("--control-fd and --server are needed, and nothing else; see --help");
}

static int socket_number(int fd, int name)
{
	socklen_t length = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0 ? -1 : value;
}

/* Where it listens in the domain is where it leads to outside. */
static int add_listener(struct relay *r, const struct servers *s, int fd)
{
	struct sockaddr_storage at = { .ss_family = AF_UNSPEC }, to;
	socklen_t length = sizeof(at);
	const struct server *server;

	if (socket_number(fd, SO_ACCEPTCONN) != 1 || socket_number(fd, SO_TYPE) != SOCK_STREAM ||
		getsockname(fd, (struct sockaddr *)&at, &length) < 0)
		return -ENOTSOCK;
	server = servers_find(s, &at, length);
	length = server ? servers_address(server, at.ss_family, &at, &to) : 0;
	return length ? relay_listen(r, fd, &to, length) : -EACCES;
}

static void take_listeners(struct relay *r, const struct options *o)
{
	int fds[SERVERS_PORTS_MAX];
	unsigned n = SERVERS_PORTS_MAX;
	int rc = fd_recv_many(o->control, fds, &n, -1);

	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = fd_set_nonblock(fds[i]) < 0 ? -ENOTSOCK : add_listener(r, &o->servers.servers, fds[i]);
	if (rc < 0)
		die("the domain's sockets cannot be used: %s", strerror(-rc));
	log_info("%u ports of %u addresses", n, o->servers.servers.count);
}

static void confine(void)
{
	const struct confine_options options = { .keep_network = true };
	struct confine_report report;

	if (confine_self(&options, &report) < 0)
		die("not confined: %s", report.missing);
	log_info("confined: %s", report.done);
	if (report.missing[0])
		log_info("confinement lacks: %s", report.missing);
}

int main(int argc, char **argv)
{
	static struct options o = { .control = -1 };
	static const struct relay_limits limits = RELAY_LIMITS;
	struct relay *r;
	int rc = 0;

	log_init("sluice-relay");
	signal(SIGPIPE, SIG_IGN);
	parse_options(argc, argv, &o);
	r = relay_new(&limits);
	if (!r)
		die("cannot start: %s", strerror(errno));
	take_listeners(r, &o);
	confine();
	if (send(o.control, &rc, sizeof(rc), MSG_NOSIGNAL) == sizeof(rc))
		rc = relay_run(r, o.control);
	else
		rc = -errno;
	if (rc < 0)
		log_err("it ends: %s", strerror(-rc));
	relay_free(r);
	return rc < 0;
}
