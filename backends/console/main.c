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
#include "backends/common/program.h"
#include "backends/common/ready.h"
#include "backends/console/console.h"
#include "backends/console/log-file.h"
#include "backends/console/tape-file.h"
#include "common/array.h"
#include "common/fault.h"
#include "common/log.h"

#define DEFAULT_SCROLLBACK 65536u
#define MAX_SCROLLBACK (64u << 20)
#define DEFAULT_EVENT_RATE 2000u
#define DEFAULT_RATE (16u << 20)
#define DEFAULT_LOG_KEEP 4u
#define MIN_LOG_SIZE 4096u

static void print_help(void)
{
	printf("Usage: sluice-console {--domain=N | --backend=PATH} [OPTION]...\n"
	       "Serve the console of domain N until the domain is gone, or a further console of a\n"
	       "domain until it is removed.\n\n"
	       "  --domain=N          whose primary console\n"
	       "  --ring-ref=N        the grant of its ring's page (default %u, a vm's own)\n"
	       "  --backend=PATH      a further console's directory in the store, such as\n"
	       "                      backend/console/1/2\n"
	       "  --stdio             to this terminal; Ctrl-] leaves\n"
	       "  --stay              go on serving when the user leaves the terminal\n"
	       "  --pty               to a pseudo-terminal, whose name is printed\n"
	       "  --socket=PATH       to whoever connects to this Unix socket; all read, one writes\n"
	       "  --scrollback=BYTES  show so much to who comes late (default %u)\n"
	       "  --log=FILE          append what the guest says to FILE\n"
	       "  --log-size=BYTES    begin a new file at this size (default 0: never)\n"
	       "  --log-keep=N        keep so many older files, FILE.1 and so on (default %u)\n"
	       "  --log-timestamps    a time before each line of the log\n"
	       "  --log-escape        control characters are written as \\xNN there\n"
	       "  --rate=BYTES        take no more output in a second (default %u, 0: no limit)\n"
	       "  --event-rate=N      nor more events of the guest (default %u, 0: no limit)\n"
	       "  --journal=FILE|fd:N keep the last output there, on a tmpfs, for a successor\n"
	       "  --metrics=FILE|fd:N accepted; a console has none, see its control socket\n"
	       "  --ready-fd=N        write READY=1 there when the console is served\n"
	       "  --confine=HOW       full (default): give up what serving does not take; no: keep it\n"
	       "  --log-level=LEVEL   error, warning (default), info or debug\n"
	       "  --journal-version   say which journal it writes, and end\n"
	       "  --help, --version\n\n"
	       "Exit status: 0 the domain or device went or the user left, 1 could not start, 2 the\n"
	       "guest broke its ring or what is configured cannot be served, 3 the hypervisor or the\n"
	       "store went away. See sluice-console(8).\n", GNTTAB_RESERVED_CONSOLE, DEFAULT_SCROLLBACK,
	       DEFAULT_LOG_KEEP, DEFAULT_RATE, DEFAULT_EVENT_RATE);
}

static const char *parse_path(const char *option, const char *text)
{
	if (!text[0])
		die("--%s= needs a path", option);
	return text;
}

enum option_id { OPT_DOMAIN = 256, OPT_REF, OPT_BACKEND, OPT_STDIO, OPT_STAY, OPT_PTY, OPT_SOCKET,
	OPT_SCROLLBACK, OPT_LOG, OPT_LOG_SIZE, OPT_LOG_KEEP, OPT_LOG_STAMPS, OPT_LOG_ESCAPE, OPT_RATE,
	OPT_EVENT_RATE, OPT_JOURNAL, OPT_METRICS, OPT_READY, OPT_CONFINE, OPT_LEVEL,
	OPT_JOURNAL_VERSION, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "domain", required_argument, NULL, OPT_DOMAIN },
	{ "ring-ref", required_argument, NULL, OPT_REF },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "stdio", no_argument, NULL, OPT_STDIO },
	{ "stay", no_argument, NULL, OPT_STAY },
	{ "pty", no_argument, NULL, OPT_PTY },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "scrollback", required_argument, NULL, OPT_SCROLLBACK },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "log-size", required_argument, NULL, OPT_LOG_SIZE },
	{ "log-keep", required_argument, NULL, OPT_LOG_KEEP },
	{ "log-timestamps", no_argument, NULL, OPT_LOG_STAMPS },
	{ "log-escape", no_argument, NULL, OPT_LOG_ESCAPE },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "event-rate", required_argument, NULL, OPT_EVENT_RATE },
	{ "journal", required_argument, NULL, OPT_JOURNAL },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "confine", required_argument, NULL, OPT_CONFINE },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "journal-version", no_argument, NULL, OPT_JOURNAL_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static void set_log_option(struct log_options *log, int option, const char *text)
{
	if (option == OPT_LOG)
		log->path = parse_path("log", text);
	else if (option == OPT_LOG_SIZE)
		log->limit = option_number("log-size", text, 0, UINT32_MAX);
	else if (option == OPT_LOG_KEEP)
		log->keep = option_number("log-keep", text, 0, LOG_FILE_KEEP_MAX);
	else if (option == OPT_LOG_STAMPS)
		log->stamp = true;
	else
		log->escape = true;
	if (log->limit && log->limit < MIN_LOG_SIZE)
		die("--log-size= is 0 or at least %u", MIN_LOG_SIZE);
}

static void set_users_option(struct users_options *users, int option, const char *text)
{
	if (option == OPT_STDIO)
		users->stdio = true;
	else if (option == OPT_STAY)
		users->stay = true;
	else if (option == OPT_PTY)
		users->pty = true;
	else if (option == OPT_SOCKET)
		users->socket = parse_path("socket", text);
	else if (option == OPT_SCROLLBACK)
		users->scrollback = option_number("scrollback", text, 0, MAX_SCROLLBACK);
	else
		set_log_option(&users->log, option, text);
}

static void set_option(struct console_options *o, bool *has_domain, int option, const char *text)
{
	switch (option) {
	case OPT_DOMAIN:
		o->domid = option_number("domain", text, 0, DOMID_FIRST_RESERVED - 1);
		*has_domain = true;
		break;
	case OPT_REF:
		o->ring_ref = option_number("ring-ref", text, 0, UINT32_MAX);
		break;
	case OPT_BACKEND:
		o->backend = parse_path("backend", text);
		break;
	case OPT_RATE:
		o->limits.bytes = option_number("rate", text, 0, UINT32_MAX);
		break;
	case OPT_EVENT_RATE:
		o->limits.events = option_number("event-rate", text, 0, UINT32_MAX);
		break;
	case OPT_JOURNAL:
		o->tape = parse_path("journal", text);
		break;
	case OPT_METRICS:
		break;
	case OPT_READY:
		o->ready_fd = (int)option_number("ready-fd", text, 0, 1u << 20);
		break;
	case OPT_CONFINE:
		o->confine = option_confine(text);
		break;
	case OPT_LEVEL:
		option_log_level(text);
		break;
	case OPT_JOURNAL_VERSION:
		option_journal_version("console", TAPE_VERSION);
	case OPT_HELP:
		print_help();
		exit(0);
	case OPT_VERSION:
		printf("sluice-console %s\n", PACKAGE_VERSION);
		exit(0);
	case '?':
		exit(CONSOLE_START); /* getopt said why */
	default:
		set_users_option(&o->users, option, text);
	}
}

static void parse_options(int argc, char **argv, struct console_options *o)
{
	const struct users_options *u = &o->users;
	bool has_domain = false;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0)
		set_option(o, &has_domain, c, optarg);
	if (optind < argc)
		die("%s: unexpected argument; see --help", argv[optind]);
	if (has_domain == !!o->backend)
		die("either --domain=N or --backend=PATH says which console; see --help");
	if (has_domain && !u->stdio && !u->pty && !u->socket && !u->log.path)
		die("where is the console to go? give --stdio, --pty, --socket=PATH or --log=FILE");
}

struct stopper {
	int fd;
	bool reopen; /* SIGHUP is no terminal's */
	struct console *console;
};

static void on_signal(void *opaque, uint32_t events)
{
	struct stopper *s = opaque;
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP && s->reopen)
		console_reopen_log(s->console);
	else
		console_stop(s->console);
}

/*
 * Blocked before any thread exists: libxenstore starts one. What the terminal sends to all
 * that run on it does not end a console that is to stay when its user leaves. Without a
 * terminal SIGHUP is somebody's who moved the log away.
 */
static int take_signals(const struct users_options *users)
{
	static const int terminal[] = { SIGINT, SIGQUIT, SIGHUP };
	bool ignore = users->stdio && users->stay;
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	for (unsigned i = 0; i < ARRAY_SIZE(terminal); i++) {
		if (ignore)
			signal(terminal[i], SIG_IGN);
		else
			sigaddset(&set, terminal[i]);
	}
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		die("signals cannot be blocked");
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void name_device(const struct console_options *o)
{
	const char *path = o->backend ? strstr(o->backend, "backend/") : NULL;
	char name[24];

	snprintf(name, sizeof(name), "%u", o->domid);
	log_set_device(path ? path + strlen("backend/") : o->backend ? o->backend : name);
}

int main(int argc, char **argv)
{
	struct console_options options = { .ready_fd = -1, .ring_ref = GNTTAB_RESERVED_CONSOLE,
		.confine = true, .users = { .scrollback = DEFAULT_SCROLLBACK,
			.log = { .keep = DEFAULT_LOG_KEEP } },
		.limits = { .bytes = DEFAULT_RATE, .events = DEFAULT_EVENT_RATE } };
	struct stopper stopper = { .fd = -1 };
	struct loop *loop;
	int status;

	log_init("sluice-console");
	parse_options(argc, argv, &options);
	name_device(&options);
	ready_journal("console", TAPE_VERSION);
	stopper.reopen = !options.users.stdio;
	stopper.fd = take_signals(&options.users);
	loop = loop_new();
	if (!loop || stopper.fd < 0 || fault_guard() < 0)
		die("cannot start: %s", strerror(errno));
	/* On a terminal, whose signals may be those that it stays for, it waits for little. */
	if (!options.users.stdio)
		program_may_end(true);
	stopper.console = console_start(loop, &options, &status);
	if (!options.users.stdio)
		program_may_end(false);
	if (!stopper.console) {
		loop_free(loop);
		return status;
	}
	if (!loop_add_fd(loop, stopper.fd, EPOLLIN, on_signal, &stopper))
		die("no event loop: %s", strerror(errno));
	status = loop_run(loop);
	console_free(stopper.console);
	loop_free(loop);
	close(stopper.fd);
	return status < 0 ? CONSOLE_LOST : status;
}
