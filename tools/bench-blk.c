// SPDX-License-Identifier: MIT
/*
 * sluice-bench blk: brings up a private stack with one disk, runs this program again
 * in the guest domain as the load, and shows what it says. With --vdev the disk is one of
 * the domain that this runs in, and there is no stack.
 */
#include "config.h"
#include "tools/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/array.h"
#include "common/log.h"
#include "common/storage-name.h"
#include "tools/bench-file.h"
#include "tools/bench-merge.h"
#include "tools/bench-report.h"
#include "tools/stack.h"

struct bench {
	struct bench_options opt;
	struct bench_given given;
	struct stack *stack;         /* NULL with --vdev */
	pid_t load;
	int sock;
	bool show_progress, terminal;
	bool shown;                  /* a progress line is on the terminal */
	unsigned stops;              /* signals that were passed on to the load */
	unsigned results;            /* of jobs, so far */
	struct stack_cpu before, cpu;
	struct timespec started;
	union {
		struct bench_result result;
		struct bench_progress progress;
		char text[512];
	} body;
	struct bench_result jobs[BENCH_JOBS_MAX];
	struct bench_result all;
	struct bench_progress progress[BENCH_JOBS_MAX];
};

static volatile sig_atomic_t bench_signal;
static volatile sig_atomic_t bench_signals;

static void on_signal(int sig)
{
	bench_signal = sig;
	bench_signals = bench_signals + 1;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* --- start ------------------------------------------------------------- */

static void usage(FILE *to)
{
	fprintf(to, "Usage: sluice-bench blk --filename=FILE|URI|--driver=null|--vdev=N [OPTION..]\n"
		"Measures a disk served across a domain boundary. Options and output follow fio.\n\n");
	bench_options_help(to);
	fprintf(to, "\nExit status: 0, 1 usage or start-up, 2 I/O or verify errors, 130 Ctrl-C.\n");
}

/* What is not a file's name is its driver's to find. */
static bool is_path(const char *name)
{
	CLEANUP_FREE char *path = storage_name_path(name);

	return path && strcmp(path, name) == 0;
}

static int prepare_file(struct bench *b)
{
	struct bench_options *o = &b->opt;
	char why[PATH_MAX + 256];
	int error;

	if (!o->filename[0] || !is_path(o->filename))
		return 0;
	error = bench_file_prepare(o->filename, o->size ? o->offset + o->size : 0,
		o->rw & (BENCH_RW_WRITE | BENCH_RW_TRIM), b->show_progress && b->terminal, &bench_signals, why, sizeof(why));
	if (error == 0 || bench_signal)
		return error;
	log_err("%s", why);
	return error;
}

/* In this domain. As in a stack's a terminal's Ctrl-C is for us, and it does not outlive us. */
static pid_t spawn_here(char *const argv[], int pass_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fcntl(pass_fd, F_SETFD, 0);
	execv(argv[0], argv);
	_exit(127);
}

static int start_load(struct bench *b)
{
	char self[PATH_MAX], number[12];
	char *argv[] = { self, (char *)"blk-guest", number, NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fds[2], error;

	if (n < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		log_err("cannot start the load: %m");
		return -errno;
	}
	self[n] = '\0';
	snprintf(number, sizeof(number), "%d", fds[1]);
	b->load = b->stack ? stack_spawn_guest_flags(b->stack, argv, fds[1], STACK_SPAWN_SESSION) :
			     spawn_here(argv, fds[1]);
	close(fds[1]);
	b->sock = fds[0];
	if (b->load < 0) {
		log_err("cannot start the load: %s", strerror(-b->load));
		return b->load;
	}
	error = bench_send(b->sock, BENCH_CONFIG, &b->opt, sizeof(b->opt));
	if (error < 0)
		log_err("cannot tell the load what to do: %s", strerror(-error));
	return error;
}

static int bring_up(struct bench *b)
{
	struct stack_disk disk = {
		.filename = b->opt.filename[0] ? b->opt.filename : NULL,
		.driver = b->opt.driver[0] ? b->opt.driver : NULL,
		.dev = "xvda",
		.readonly = !(b->opt.rw & (BENCH_RW_WRITE | BENCH_RW_TRIM)),
		.buffered = !b->opt.direct,
	};
	char why[PATH_MAX + 256];
	int error = 0;

	if (b->opt.vdev)
		return start_load(b);
	b->stack = stack_start(why, sizeof(why));
	if (!b->stack)
		error = -errno;
	else if (!bench_signal)
		error = stack_attach_disk(b->stack, &disk, why, sizeof(why));
	if (error < 0 && !bench_signal)
		log_err("%s", why);
	if (error < 0 || bench_signal)
		return error < 0 ? error : -EINTR;
	return start_load(b);
}

/* --- while it runs ----------------------------------------------------- */

static void clear_progress(struct bench *b)
{
	if (b->shown && b->terminal)
		fputs("\r\033[K", stderr);
	b->shown = false;
}

static void measure(const struct bench *b, struct stack_cpu *cpu)
{
	*cpu = (struct stack_cpu){ 0 };
	if (b->stack)
		stack_get_cpu(b->stack, cpu);
}

static void measured(struct bench *b)
{
	struct stack_cpu now;

	measure(b, &now);
	b->cpu = (struct stack_cpu){
		.hypervisor = now.hypervisor - b->before.hypervisor,
		.store = now.store - b->before.store,
		.daemon = now.daemon - b->before.daemon,
		.backend = now.backend - b->before.backend,
	};
}

/* Jobs tell their own rates; a line is for all, and comes when the first job's does. */
static void take_progress(struct bench *b)
{
	const struct bench_progress *p = &b->body.progress;
	struct bench_progress all;

	if (p->job >= b->opt.numjobs)
		return;
	b->progress[p->job] = *p;
	if (!b->show_progress || p->job != 0)
		return;
	all = b->progress[0];
	for (unsigned i = 1; i < b->opt.numjobs; i++)
		for (unsigned d = 0; d < BENCH_SYNCS; d++) {
			all.ios[d] += b->progress[i].ios[d];
			all.bytes[d] += b->progress[i].bytes[d];
		}
	bench_report_progress(stderr, &all, b->terminal);
	b->shown = true;
}

/* Return: 1 to go on, 0 after the last job's, -EBADMSG. */
static int take_result(struct bench *b, size_t n)
{
	unsigned job = b->results;

	if (n != sizeof(b->body.result) || job >= b->opt.numjobs || b->body.result.job != job)
		return -EBADMSG;
	b->jobs[job] = b->body.result;
	if (job == 0)
		b->all = b->body.result;
	else
		bench_merge(&b->all, &b->body.result);
	return ++b->results < b->opt.numjobs;
}

/* Return: 1 to go on, 0 at the end, -errno. */
static int take_message(struct bench *b)
{
	enum bench_message_type type;
	ssize_t n = bench_recv(b->sock, &type, &b->body, sizeof(b->body), true);

	if (n < 0)
		return n;
	switch (type) {
	case BENCH_BEGIN:
		measure(b, &b->before);
		return 1;
	case BENCH_END:
		measured(b);
		return 1;
	case BENCH_PROGRESS:
		if (n == sizeof(b->body.progress))
			take_progress(b);
		return 1;
	case BENCH_RESULT:
		return take_result(b, n);
	case BENCH_FAILED:
		clear_progress(b);
		log_err("%.*s", (int)n, b->body.text);
		return -EIO;
	default:
		return -EBADMSG;
	}
}

static void reaped(struct bench *b)
{
	if (b->stack)
		stack_guest_reaped(b->stack, b->load);
}

static int check_stack(struct bench *b, char *why, size_t room)
{
	return b->stack ? stack_check(b->stack, why, room) : 0;
}

/* Give the load its time to take leave of its backend. */
static void reap_load(struct bench *b)
{
	for (unsigned i = 0; i < 500 && !bench_signal; i++) {
		int status;

		if (waitpid(b->load, &status, WNOHANG) != 0) {
			reaped(b);
			return;
		}
		usleep(10000);
	}
}

/* The load is gone without a result, or talks nonsense: say what became of it. */
static void explain_silence(struct bench *b)
{
	char why[256];
	int status;

	clear_progress(b);
	if (check_stack(b, why, sizeof(why)) < 0)
		log_err("%s", why);
	else if (waitpid(b->load, &status, WNOHANG) != b->load)
		log_err("the load closed its connection");
	else {
		reaped(b);
		if (WIFSIGNALED(status))
			log_err("the load was ended by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
		else
			log_err("the load ended by itself with status %d", WEXITSTATUS(status));
	}
}

/* Pass a first Ctrl-C on to the load; a second one ends without waiting for it. */
static int pass_signals(struct bench *b)
{
	if (bench_signals == 0 || (b->stops && (unsigned)bench_signals == b->stops))
		return 0;
	if (b->stops)
		return -EINTR;
	b->stops = bench_signals;
	return bench_send(b->sock, BENCH_STOP, NULL, 0);
}

static int follow(struct bench *b)
{
	struct pollfd p[2] = {
		{ .fd = b->sock, .events = POLLIN },
		{ .fd = b->stack ? stack_log_fd(b->stack) : -1, .events = POLLIN },
	};
	char why[256];
	int r = 1;

	while (r > 0) {
		int ready = poll(p, ARRAY_SIZE(p), 250);

		r = pass_signals(b);
		if (r < 0)
			break;
		r = 1;
		if (ready > 0 && p[1].revents) {
			clear_progress(b);
			stack_pump(b->stack);
		}
		if (ready > 0 && p[0].revents)
			r = take_message(b);
		else if (ready == 0 && check_stack(b, why, sizeof(why)) < 0)
			r = -EPIPE;
	}
	if (r == -EPIPE || r == -EBADMSG)
		explain_silence(b);
	return r;
}

/* --- the end ----------------------------------------------------------- */

static int print_report(struct bench *b, FILE *to)
{
	struct timespec now;
	struct bench_report report = { .options = &b->opt, .given = &b->given,
		.jobs = b->jobs, .njobs = b->results, .all = &b->all, .cpu = b->cpu };

	clock_gettime(CLOCK_MONOTONIC, &now);
	report.elapsed_seconds = now.tv_sec - b->started.tv_sec;
	if (b->opt.format == BENCH_JSON)
		return bench_report_json(to, &report);
	bench_report_table(to, &report);
	return fflush(to) == EOF ? -errno : 0;
}

static int write_report(struct bench *b)
{
	FILE *to = stdout;
	int error;

	if (b->opt.output[0])
		to = fopen(b->opt.output, "we");
	if (!to) {
		log_err("%s: %m", b->opt.output);
		return -errno;
	}
	error = print_report(b, to);
	if (to != stdout && fclose(to) == EOF && error == 0)
		error = -errno;
	if (error == -EOPNOTSUPP)
		log_err("JSON output was left out of this build; install libjansson-dev, configure and make again");
	else if (error < 0)
		log_err("cannot write the result: %s", strerror(-error));
	return error;
}

static int conclude(struct bench *b)
{
	const struct bench_result *r = &b->all;

	clear_progress(b);
	if (write_report(b) < 0)
		return BENCH_EXIT_START;
	if (r->errors)
		log_err("%s (%llu I/Os failed)", r->error_text, (unsigned long long)r->errors);
	if (r->verify_errors)
		log_err("verify: %s (%llu blocks are wrong)", r->verify_text,
			(unsigned long long)r->verify_errors);
	return r->errors || r->verify_errors ? BENCH_EXIT_IO : BENCH_EXIT_OK;
}

static int run_bench(struct bench *b)
{
	int status = BENCH_EXIT_START;

	if (prepare_file(b) == 0 && bring_up(b) == 0 && follow(b) == 0)
		status = conclude(b);
	if (b->results)
		reap_load(b);
	clear_progress(b);
	if (b->sock >= 0)
		close(b->sock);
	stack_stop(b->stack);
	if (!bench_signal)
		return status;
	return status == BENCH_EXIT_IO ? status : 128 + bench_signal;
}

int bench_blk_main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	char why[PATH_MAX + 256];
	int status = BENCH_EXIT_START;

	if (!b)
		return BENCH_EXIT_START;
	b->sock = -1;
	clock_gettime(CLOCK_MONOTONIC, &b->started);
	switch (bench_options_parse(argc, argv, &b->opt, &b->given, why, sizeof(why))) {
	case BENCH_HELP:
		usage(stdout);
		status = BENCH_EXIT_OK;
		break;
	case BENCH_WRONG:
		log_err("%s", why);
		break;
	case BENCH_PARSED:
		b->terminal = isatty(STDERR_FILENO);
		b->show_progress = b->opt.eta == BENCH_ETA_ALWAYS ||
			(b->opt.eta == BENCH_ETA_AUTO && b->terminal);
		catch_signals();
		status = run_bench(b);
	}
	free(b);
	return status;
}
