// SPDX-License-Identifier: MIT
/* sluice-console: serves one domain's console. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "backends/common/options.h"
#include "backends/console/console.h"
#include "common/array.h"
#include "common/fault.h"
#include "common/log.h"

static void print_help(void)
{
	printf("Usage: sluice-console --domain=N [OPTION]...\n"
	       "Serve the console of domain N until the domain is gone.\n\n"
	       "  --ring-ref=N        the grant of its ring's page (default %u, a vm's own)\n"
	       "  --stdio             to this terminal; Ctrl-] leaves\n"
	       "  --stay              go on serving when the user leaves the terminal\n"
	       "  --pty               to a pseudo-terminal, whose name is printed\n"
	       "  --socket=PATH       to whoever connects to this Unix socket, one at a time\n"
	       "  --log=FILE          append what the guest says to FILE\n"
	       "  --ready-fd=N        write READY=1 there when the console is served\n"
	       "  --confine=HOW       full (default): give up what serving does not take; no: keep it\n"
	       "  --log-level=LEVEL   error, warning (default), info or debug\n"
	       "  --help, --version\n\n"
	       "Exit status: 0 the domain went or the user left, 1 could not start, 2 the guest broke\n"
	       "its ring, 3 the hypervisor went away. See sluice-console(8).\n", GNTTAB_RESERVED_CONSOLE);
}

static const char *parse_path(const char *option, const char *text)
{
	if (!text[0])
		die("--%s= needs a path", option);
	return text;
}

static void parse_options(int argc, char **argv, struct console_options *o)
{
	static const struct option options[] = {
		{ "domain", required_argument, NULL, 'd' },
		{ "ring-ref", required_argument, NULL, 'g' },
		{ "stdio", no_argument, NULL, 'i' },
		{ "stay", no_argument, NULL, 'S' },
		{ "pty", no_argument, NULL, 'p' },
		{ "socket", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'o' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "confine", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	bool has_domain = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'd':
			o->domid = option_number("domain", optarg, 0, DOMID_FIRST_RESERVED - 1);
			has_domain = true;
			break;
		case 'g':
			o->ring_ref = option_number("ring-ref", optarg, 0, UINT32_MAX);
			break;
		case 'i':
			o->stdio = true;
			break;
		case 'S':
			o->stay = true;
			break;
		case 'p':
			o->pty = true;
			break;
		case 's':
			o->socket = parse_path("socket", optarg);
			break;
		case 'o':
			o->log = parse_path("log", optarg);
			break;
		case 'r':
			o->ready_fd = option_number("ready-fd", optarg, 0, 1u << 20);
			break;
		case 'c':
			o->confine = option_confine(optarg);
			break;
		case 'l':
			option_log_level(optarg);
			break;
		case 'h':
			print_help();
			exit(0);
		case 'v':
			printf("sluice-console %s\n", PACKAGE_VERSION);
			exit(0);
		default:
			exit(CONSOLE_START); /* getopt said why */
		}
	}
	if (optind < argc)
		die("%s: unexpected argument; see --help", argv[optind]);
	if (!has_domain)
		die("--domain=N is missing; see --help");
	if (!o->stdio && !o->pty && !o->socket && !o->log)
		die("where is the console to go? give --stdio, --pty, --socket=PATH or --log=FILE");
}

struct stopper {
	int fd;
	struct console *console;
};

static void on_signal(void *opaque, uint32_t events)
{
	struct stopper *s = opaque;
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) == sizeof(info))
		console_stop(s->console);
}

/*
 * Blocked before any thread exists: libxenstore starts one. What the terminal sends to all
 * that run on it does not end a console that is to stay when its user leaves.
 */
static int take_signals(bool stay)
{
	static const int terminal[] = { SIGINT, SIGQUIT, SIGHUP };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	for (unsigned i = 0; i < ARRAY_SIZE(terminal); i++) {
		if (stay)
			signal(terminal[i], SIG_IGN);
		else
			sigaddset(&set, terminal[i]);
	}
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		die("signals cannot be blocked");
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct console_options options = { .ready_fd = -1, .ring_ref = GNTTAB_RESERVED_CONSOLE,
		.confine = true };
	struct stopper stopper;
	struct loop *loop;
	char name[24];
	int status;

	log_init("sluice-console");
	parse_options(argc, argv, &options);
	snprintf(name, sizeof(name), "%u", options.domid);
	log_set_device(name);
	stopper.fd = take_signals(options.stay);
	loop = loop_new();
	if (!loop || stopper.fd < 0 || fault_guard() < 0)
		die("cannot start: %s", strerror(errno));
	stopper.console = console_start(loop, &options);
	if (!stopper.console)
		return CONSOLE_START;
	if (!loop_add_fd(loop, stopper.fd, EPOLLIN, on_signal, &stopper))
		die("no event loop: %s", strerror(errno));
	status = loop_run(loop);
	console_free(stopper.console);
	loop_free(loop);
	close(stopper.fd);
	return status < 0 ? CONSOLE_LOST : status;
}
