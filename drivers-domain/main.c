// SPDX-License-Identifier: MIT
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/open-files.h"
#include "common/page-size.h"
#include "drivers-domain/audit.h"
#include "drivers-domain/daemon.h"
#include "drivers-domain/launch.h"
#include "drivers-domain/notify.h"
#include "xenstore/xsnode.h"

#define MAIN_RUN_DIR "/run/sluice-driverd"
#define MAIN_BACKENDS 256u
/* What no backend comes near: eight rings, each with threads of io_uring's per CPU. */
#define MAIN_TASKS 1024u
/* The page cache of a disk that is not opened with O_DIRECT counts, and is given up first. */
#define MAIN_MEMORY_MIB UINT64_C(2048)

/* libxl's LIBXL_HOTPLUG_TIMEOUT. */
#define MAIN_SCRIPT_SECONDS 40u
#define MAIN_STORE_SECONDS 60u

struct main_options {
	const char *run_dir;
	const char *journal_dir;
	const char *pid_file;
	bool audit;
	struct daemon_options daemon;
};

static const char main_usage[] =
"Usage: sluice-driverd [OPTION]..\n"
"Start, supervise and remove a backend process for each device of this driver domain.\n"
"\n"
"  -r, --run-dir=DIR             locks and journals, on a tmpfs, for this domain alone\n"
"                                (default " MAIN_RUN_DIR ")\n"
"  -j, --journal-dir=DIR         journals elsewhere than in the run directory\n"
"  -n, --max-backends=N          serve at most N devices (default 256)\n"
"  -b, --backend-program=KIND=PATH  the program that serves devices of this kind\n"
"  -m, --backend-memory=MIB      most memory of a backend (default 2048; 0: no limit)\n"
"  -t, --backend-tasks=N         most threads of a backend (default 1024; 0: no limit)\n"
"  -s, --script-dir=DIR          where the hotplug scripts lie that may be run (default\n"
"                                " SCRIPT_DIR ")\n"
"  -T, --script-seconds=N        how long a script may run (default 40)\n"
"  -a, --start-seconds=N         how long a backend may take until it is ready (default 120)\n"
"  -w, --initwait=MS             how long a backend stays at InitWait, the first time\n"
"                                (default 1000, which xl needs; 0 with SLUICE_HYPERVISOR)\n"
"  -g, --store-gate=HOW          yes (default): a backend reaches its own device's nodes of the\n"
"                                store; no: all that this domain does\n"
"  -S, --store-seconds=N         how long to look for a store that went away (default 60)\n"
"  -k, --kill-backends-with-daemon  backends die with the daemon, however it ends\n"
"  -R, --ready-fd=N              write READY=1 there after the first scan\n"
"  -p, --pid-file=FILE           write the daemon's process id there\n"
"  -A, --audit                   print what each running backend can still reach, and end\n"
"  -l, --log-level=LEVEL         error, warning, info or debug (default warning)\n"
"  -F, --foreground              stay in the foreground (always so)\n"
"  -h, --help                    show this text\n"
"  -V, --version                 show the version\n"
"\n"
"It finds the store as libxenstore does (XENSTORED_PATH). SIGHUP: scan again and retry\n"
"what failed. SIGTERM: end the backends, then itself. See sluice-driverd(8).\n";

static const struct option main_long[] = {
	{ "run-dir", required_argument, NULL, 'r' },
	{ "journal-dir", required_argument, NULL, 'j' },
	{ "max-backends", required_argument, NULL, 'n' },
	{ "backend-program", required_argument, NULL, 'b' },
	{ "backend-memory", required_argument, NULL, 'm' },
	{ "backend-tasks", required_argument, NULL, 't' },
	{ "script-dir", required_argument, NULL, 's' },
	{ "script-seconds", required_argument, NULL, 'T' },
	{ "start-seconds", required_argument, NULL, 'a' },
	{ "initwait", required_argument, NULL, 'w' },
	{ "store-gate", required_argument, NULL, 'g' },
	{ "store-seconds", required_argument, NULL, 'S' },
	{ "kill-backends-with-daemon", no_argument, NULL, 'k' },
	{ "ready-fd", required_argument, NULL, 'R' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "audit", no_argument, NULL, 'A' },
	{ "log-level", required_argument, NULL, 'l' },
	{ "foreground", no_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static unsigned main_number(const char *name, const char *text, unsigned min, unsigned max)
{
	uint64_t v;

	if (xsn_parse_u64(text, max, &v) < 0 || v < min)
		die("--%s=%s is not a number from %u to %u", name, text, min, max);
	return (unsigned)v;
}

static void main_set_program(const char *text)
{
	int rc = launch_override(text);

	if (rc == -ENOENT)
		die("--backend-program=%s: no such kind; vbd, qdisk and vif are served", text);
	if (rc < 0)
		die("--backend-program=%s: it takes KIND=PATH with an absolute path", text);
	if (access(strchr(text, '=') + 1, X_OK) < 0)
		die("--backend-program=%s: %s", text, strerror(errno));
}

static void main_set_level(const char *text)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		die("--log-level=%s is none of error, warning, info, debug", text);
	log_set_level(level);
}

static bool main_is_without_gate(const char *text)
{
	if (strcmp(text, "yes") == 0)
		return false;
	if (strcmp(text, "no") != 0)
		die("--store-gate=%s is neither yes nor no", text);
	log_warn("without a store gate a backend that is taken over writes the nodes of this"
		" domain's other devices, too");
	return true;
}

static int main_set_ready_fd(const char *text)
{
	int fd = (int)main_number("ready-fd", text, 3, 1u << 20);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		die("--ready-fd=%d: %s", fd, strerror(errno));
	return fd;
}

/* As it begins the names that the toolstack writes: not resolved, and without a slash at its end. */
static const char *main_script_dir(char *dir)
{
	size_t n = strlen(dir);

	if (dir[0] != '/' || strstr(dir, "/../") || n < 2)
		die("--script-dir=%s is no absolute path of a directory", dir);
	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	return dir;
}

static void main_option(struct main_options *o, int c)
{
	switch (c) {
	case 'r':
		o->run_dir = optarg;
		break;
	case 'j':
		o->journal_dir = optarg;
		break;
	case 'n':
		o->daemon.max_backends = main_number("max-backends", optarg, 1, DAEMON_DEVICES_MAX);
		break;
	case 'b':
		main_set_program(optarg);
		break;
	case 'm':
		o->daemon.limit[CGROUP_MEMORY] =
			(uint64_t)main_number("backend-memory", optarg, 0, 1u << 24) << 20;
		break;
	case 't':
		o->daemon.limit[CGROUP_TASKS] = main_number("backend-tasks", optarg, 0, 1u << 22);
		break;
	case 's':
		o->daemon.script_dir = main_script_dir(optarg);
		break;
	case 'T':
		o->daemon.script_seconds = main_number("script-seconds", optarg, 1, 3600);
		break;
	case 'a':
		o->daemon.start_seconds = main_number("start-seconds", optarg, 1, 3600);
		break;
	case 'w':
		o->daemon.initwait_ms = (int)main_number("initwait", optarg, 0, 60000);
		break;
	case 'g':
		o->daemon.no_gate = main_is_without_gate(optarg);
		break;
	case 'S':
		o->daemon.store_ms = 1000 * main_number("store-seconds", optarg, 1, 3600);
		break;
	case 'k':
		o->daemon.kill_backends = true;
		break;
	case 'R':
		o->daemon.ready_fd = main_set_ready_fd(optarg);
		break;
	case 'p':
		o->pid_file = optarg;
		break;
	case 'A':
		o->audit = true;
		break;
	case 'l':
		main_set_level(optarg);
		break;
	case 'F':
		break;
	case 'h':
		fputs(main_usage, stdout);
		exit(0);
	case 'V':
		puts("sluice-driverd " PACKAGE_VERSION);
		exit(0);
	default:
		fputs("Try sluice-driverd --help\n", stderr);
		exit(1);
	}
}

static void main_block_signals(void)
{
	sigset_t set;

	/* Before there are threads: they inherit it, and signalfd sees what is blocked. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		die("cannot block signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	/* An ignored SIGCHLD, if inherited, would hide how backends end. */
	signal(SIGCHLD, SIG_DFL);
}

static void main_write_pid(const char *path)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fprintf(f, "%d\n", getpid()) > 0;

	if (f)
		ok = fclose(f) == 0 && ok;
	if (!ok)
		die("cannot write the pid file %s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct main_options o = {
		.run_dir = MAIN_RUN_DIR,
		.daemon = {
			.max_backends = MAIN_BACKENDS,
			.ready_fd = -1,
			.initwait_ms = -1,
			.script_dir = SCRIPT_DIR,
			.store_ms = 1000 * MAIN_STORE_SECONDS,
			.script_seconds = MAIN_SCRIPT_SECONDS,
			.limit = { [CGROUP_TASKS] = MAIN_TASKS, [CGROUP_MEMORY] = MAIN_MEMORY_MIB << 20 },
		},
	};
	struct daemon d = { .home = "" };
	char why[256];
	int c, status;

	log_init("sluice-driverd");
	notify_init();
	main_block_signals();
	while ((c = getopt_long(argc, argv, "r:j:n:b:m:t:s:T:a:w:g:S:kR:p:Al:FhV", main_long, NULL)) != -1)
		main_option(&o, c);
	if (optind < argc)
		die("%s: there are no arguments besides options; try --help", argv[optind]);
	if (o.audit)
		return audit_run(o.run_dir);
	page_size_check();
	(void)open_files_raise(); /* each backend takes some */
	launch_find_programs();
	if (files_open(&d.files, o.run_dir, o.journal_dir, why, sizeof(why)) < 0)
		die("%s", why);
	if (o.pid_file)
		main_write_pid(o.pid_file);
	d.options = o.daemon;
	cgroup_init(&d.cgroup, files_id(&d.files), o.daemon.limit);
	status = daemon_run(&d);
	if (o.pid_file)
		(void)unlink(o.pid_file);
	files_close(&d.files);
	launch_free_programs();
	return status;
}
