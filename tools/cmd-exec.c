// SPDX-License-Identifier: MIT
/* sluice exec: a command in a guest domain of a private stack. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/disk-arg.h"
#include "tools/log-option.h"
#include "tools/stack.h"
#include "tools/vdev.h"

/* What a shell answers for a command that it cannot run, and for our own failures. */
#define EXIT_START 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct exec_args {
	struct stack_disk disks[16];
	unsigned ndisks;
	char **command;
};

static volatile sig_atomic_t exec_signal;
static volatile sig_atomic_t exec_child;

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: sluice exec [OPTION..] [--] COMMAND [ARGUMENT..]\n"
		"Runs COMMAND in a guest domain whose disks are served from a storage domain.\n\n"
		"  --disk=FILE[,OPTION]..  a disk, as often as there are disks; options:\n"
		"      ro             read only\n"
		"      buffered       through the page cache instead of O_DIRECT\n"
		"      cdrom          a CD-ROM (read only)\n"
		"      dev=NAME       xvda, xvdb, ...; default: the first free\n"
		"      driver=NAME    storage driver: uring (default), null\n"
		"  --log-level=LEVEL       error, warning (default), info, debug\n"
		"  --help\n\n"
		"COMMAND finds the nbdkit plugin in SLUICE_NBDKIT_PLUGIN. The exit status is COMMAND's,\n"
		"125 when the stack could not be started.\n");
}

/* --- arguments --------------------------------------------------------- */

static bool is_named(const struct exec_args *args, const char *name)
{
	for (unsigned i = 0; i < args->ndisks; i++)
		if (args->disks[i].dev && strcmp(args->disks[i].dev, name) == 0)
			return true;
	return false;
}

/* Disks without dev= get the first free names; @names is where they are kept. */
static void name_disks(struct exec_args *args, char (*names)[16])
{
	unsigned next = 0;

	for (unsigned i = 0; i < args->ndisks; i++) {
		if (args->disks[i].dev)
			continue;
		do
			vdev_name(next++, names[i], sizeof(names[i]));
		while (is_named(args, names[i]));
		args->disks[i].dev = names[i];
	}
}

/* Return: -1 to go on, else the exit status. */
static int parse_args(int argc, char **argv, struct exec_args *args)
{
	static const struct option options[] = {
		{ "disk", required_argument, NULL, 'd' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 0;
		}
		if (c == 'd' && disk_arg_add(optarg, args->disks, &args->ndisks,
					ARRAY_SIZE(args->disks)) < 0)
			return EXIT_START;
		if (c == 'l' && log_option(optarg) < 0)
			return EXIT_START;
		if (c == ':' || c == '?') {
			log_err("%s %s; sluice help exec lists the options", argv[optind - 1],
				c == ':' ? "needs a value" : "is no option of sluice exec");
			return EXIT_START;
		}
	}
	if (optind == argc) {
		log_err("which command is to run? sluice exec [--disk=FILE].. -- COMMAND [ARGUMENT..]");
		return EXIT_START;
	}
	args->command = argv + optind;
	return -1;
}

/* 0 when @name can be run, else what a shell would answer, said. */
static int find_command(const char *name)
{
	const char *path = getenv("PATH");
	CLEANUP_FREE char *dirs = strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	int status = EXIT_NOT_FOUND;
	char *save = NULL;

	if (strchr(name, '/')) {
		if (access(name, X_OK) == 0)
			return 0;
		log_err("%s: %m", name);
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	}
	for (char *dir = dirs ? strtok_r(dirs, ":", &save) : NULL; dir; dir = strtok_r(NULL, ":", &save)) {
		CLEANUP_FREE char *file = NULL;
		struct stat sb;

		if (asprintf(&file, "%s/%s", dir, name) < 0 || stat(file, &sb) < 0 || S_ISDIR(sb.st_mode))
			continue;
		if (access(file, X_OK) == 0)
			return 0;
		status = EXIT_NOT_EXECUTABLE;
	}
	log_err("%s: %s", name, status == EXIT_NOT_FOUND ? "command not found" : "permission denied");
	return status;
}

/* --- running ----------------------------------------------------------- */

static void on_signal(int sig)
{
	/* Whoever asks twice means it, whatever the command makes of it. */
	bool again = exec_signal == sig;

	exec_signal = sig;
	/*
	 * The terminal sends Ctrl-C to the command, too; whatever is sent to us alone is
	 * passed on. Until there is a command the stack is taken down.
	 */
	if (exec_child && sig != SIGINT && sig != SIGQUIT)
		kill(exec_child, again ? SIGKILL : sig);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Wait for the command's end; meanwhile show what the stack says. */
static int await_command(struct stack *st, pid_t pid)
{
	CLEANUP_CLOSE int pidfd = pidfd_open(pid, 0);
	struct pollfd p[3] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = stack_log_fd(st), .events = POLLIN },
		{ .fd = stack_watch_fd(st), .events = POLLIN },
	};
	bool told = false;
	char why[256];
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		poll(p, ARRAY_SIZE(p), pidfd < 0 ? 20 : 1000);
		stack_pump(st);
		if (!told && stack_check(st, why, sizeof(why)) < 0) {
			log_err("%s", why);
			told = true;
			p[2].fd = -1;
		}
	}
	return exit_status(status);
}

static int run_command(struct stack *st, char **command)
{
	pid_t pid = stack_spawn_guest(st, command, -1);
	int status;

	if (pid < 0)
		return EXIT_START;
	exec_child = pid;
	status = await_command(st, pid);
	exec_child = 0;
	stack_guest_reaped(st, pid);
	return status;
}

static int attach_and_run(struct stack *st, const struct exec_args *args)
{
	char why[512];

	for (unsigned i = 0; i < args->ndisks && !exec_signal; i++) {
		if (stack_attach_disk(st, &args->disks[i], why, sizeof(why)) < 0) {
			log_err("%s", why);
			return EXIT_START;
		}
	}
	return exec_signal ? 128 + exec_signal : run_command(st, args->command);
}

int verb_exec(int argc, char **argv)
{
	struct exec_args args = { .ndisks = 0 };
	char names[ARRAY_SIZE(args.disks)][16];
	int status = parse_args(argc, argv, &args);
	struct stack *st;
	char why[512];

	if (status < 0 && (status = find_command(args.command[0])) == 0)
		status = -1;
	if (status >= 0)
		return status;
	name_disks(&args, names);
	catch_signals();
	st = stack_start(why, sizeof(why));
	if (!st) {
		log_err("%s", why);
		return exec_signal ? 128 + exec_signal : EXIT_START;
	}
	status = attach_and_run(st, &args);
	stack_stop(st);
	return status;
}
