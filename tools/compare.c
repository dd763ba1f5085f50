// SPDX-License-Identifier: MIT
/* sluice-bench compare: prepares the file, runs the rounds, prints. */
#include "config.h"
#include "tools/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/bench-file.h"
#include "tools/bench.h"

struct compare {
	struct compare_options opt;
	struct compare_env env;
	struct compare_left_out left_out;
	struct compare_result *results;
	unsigned nresults;
	bool made_file;        /* by us: written without asking, removed at the end */
	bool progress;
};

static volatile sig_atomic_t compare_signal;

static void on_signal(int sig)
{
	compare_signal = sig;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* --- what is needed ---------------------------------------------------- */

static int make_dir(struct compare *c)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	ssize_t n = readlink("/proc/self/exe", c->env.self, sizeof(c->env.self) - 1);

	if (n < 0)
		return -errno;
	c->env.self[n] = '\0';
	/* Short: a socket's name has to fit. */
	if (!base || strlen(base) > 64 || access(base, W_OK) < 0)
		base = "/tmp";
	snprintf(c->env.dir, sizeof(c->env.dir), "%s/sluice-compare-XXXXXX", base);
	if (mkdtemp(c->env.dir))
		return 0;
	log_err("cannot make a directory in %s: %m", base);
	c->env.dir[0] = '\0';
	return -errno;
}

static int measure_file(struct compare *c)
{
	CLEANUP_CLOSE int fd = open(c->opt.filename, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0) {
		log_err("%s: %m", c->opt.filename);
		return -errno;
	}
	c->env.size = (uint64_t)size & ~UINT64_C(0xfffff);
	if (c->env.size >= 8u << 20)
		return 0;
	log_err("%s has only %lld bytes: 8m is the least that can be compared on", c->opt.filename,
		(long long)size);
	return -EINVAL;
}

static bool any_writes(const struct compare *c)
{
	for (unsigned i = 0; i < c->opt.nworkloads; i++)
		if (c->opt.workloads[i]->writes)
			return true;
	return false;
}

/* fio and QEMU take a name apart where it has these; ours would be measured alone. */
static int check_name(struct compare *c)
{
	char *full = realpath(c->opt.filename, NULL);

	if (!full || strlen(full) >= sizeof(c->opt.filename)) {
		log_err("%s: %m", c->opt.filename);
		free(full);
		return -errno;
	}
	strcpy(c->opt.filename, full);
	free(full);
	if (!strpbrk(c->opt.filename, ":\\"))
		return 0;
	log_err("%s: fio takes a name with : or \\ apart; use another name", c->opt.filename);
	return -EINVAL;
}

static int prepare_file(struct compare *c)
{
	bool there = access(c->opt.filename, F_OK) == 0;
	bool writes = any_writes(c) && (!there || c->opt.allow_write);
	char why[PATH_MAX + 256];
	int error = bench_file_prepare(c->opt.filename, there ? 0 : c->opt.size, writes, c->progress,
		&compare_signal, why, sizeof(why));

	if (error < 0) {
		if (!compare_signal)
			log_err("%s", why);
		return error;
	}
	c->made_file = !there;
	error = check_name(c);
	return error < 0 ? error : measure_file(c);
}

/* The kernel's own reader of partition tables does not read images: util-linux' does. */
static int find_partition(struct compare *c)
{
	struct compare_target *t = &c->env.target;
	char *argv[] = { (char *)"partx", (char *)"-g", (char *)"-o", (char *)"START,SECTORS", (char *)"-n",
		t->unit, t->path, NULL };
	unsigned long long start, sectors;
	char line[80];

	if (child_first_line(argv, line, sizeof(line)) < 0 || sscanf(line, "%llu %llu", &start, &sectors) != 2) {
		log_err("%s: partx does not find partition %s", t->path, t->unit);
		return -ENOENT;
	}
	t->offset = start * 512;
	t->length = sectors * 512;
	c->env.size = t->length & ~UINT64_C(0xfffff);
	return 0;
}

/* Others' storage is neither made nor looked at: a driver finds it. */
static int prepare_target(struct compare *c)
{
	struct compare_target *t = &c->env.target;
	char why[PATH_MAX + 256];

	if (compare_target_parse(c->opt.filename, t, why, sizeof(why)) < 0) {
		log_err("%s", why);
		return -EINVAL;
	}
	if (t->kind == COMPARE_FILE) {
		int error = prepare_file(c);

		snprintf(t->path, sizeof(t->path), "%s", c->opt.filename);
		return error;
	}
	c->env.size = c->opt.size;
	return t->kind == COMPARE_PARTITION ? find_partition(c) : 0;
}

static void find_peers(struct compare *c)
{
	for (unsigned p = 0; p < COMPARE_PEERS; p++) {
		char *why = c->left_out.why[p];
		bool needed = false;

		for (unsigned i = 0; i < c->opt.nworkloads; i++)
			needed |= peer_runs(&c->env, p, c->opt.workloads[i]);
		if (!needed || peer_available(p, why, sizeof(c->left_out.why[p])))
			continue;
		log_warn("%s is left out: %s", compare_peer_name(p), why);
	}
}

/* --- rounds ------------------------------------------------------------ */

static void show(const struct compare *c, const struct compare_result *r, unsigned round,
	enum compare_peer peer)
{
	if (c->progress)
		fprintf(stderr, "\r\033[K%s, round %u of %u: %s", r->workload->name, round + 1, r->rounds,
			compare_peer_name(peer));
}

static void clear(const struct compare *c)
{
	if (c->progress)
		fputs("\r\033[K", stderr);
}

/* One peer's turn. What fails once is left out from then on. */
static int take_turn(struct compare *c, struct compare_result *r, unsigned round, enum compare_peer peer)
{
	char why[200] = "";
	int error;

	show(c, r, round, peer);
	error = peer_run(&c->env, peer, r->workload, &r->row[peer].sample[round], why, sizeof(why));
	if (error == 0)
		return 0;
	r->row[peer].sample[round] = (struct compare_sample){ 0 };
	if (compare_signal)
		return -EINTR;
	clear(c);
	log_warn("%s fails at %s and is left out: %s", compare_peer_name(peer), r->workload->name, why);
	snprintf(c->left_out.why[peer], sizeof(c->left_out.why[peer]), "%s", why);
	return peer == PEER_SLUICE ? error : 0;
}

static int run_round(struct compare *c, struct compare_result *r, unsigned round)
{
	enum compare_peer peers[COMPARE_PEERS];
	unsigned n = 0;
	int error = 0;

	for (unsigned p = 0; p < COMPARE_PEERS; p++)
		if (!c->left_out.why[p][0] && peer_runs(&c->env, p, r->workload))
			peers[n++] = p;
	/* Each begins in turn: what a run leaves behind disturbs a different one each time. */
	for (unsigned i = 0; i < n && error == 0; i++)
		error = take_turn(c, r, round, peers[(compare_first(round, n) + i) % n]);
	return error;
}

static int run_workload(struct compare *c, const struct workload *w)
{
	struct compare_result *r = &c->results[c->nresults++];
	int error = 0;

	*r = (struct compare_result){ .workload = w };
	while (error == 0 && r->rounds < c->opt.rounds)
		error = run_round(c, r, r->rounds++);
	clear(c);
	if (!c->opt.json)
		compare_table(stdout, r);
	fflush(stdout);
	return error;
}

static int run_all(struct compare *c)
{
	int error = 0;

	c->results = calloc(c->opt.nworkloads, sizeof(*c->results));
	if (!c->results)
		return -ENOMEM;
	for (unsigned i = 0; i < c->opt.nworkloads && error == 0; i++) {
		const struct workload *w = c->opt.workloads[i];

		if (w->writes && !c->made_file && !c->opt.allow_write)
			log_warn("%s is left out: it would overwrite %s; --allow-write does it, or give the"
				" name of a file to be made", w->name, c->opt.filename);
		else
			error = run_workload(c, w);
	}
	return error;
}

/* --- start and end ----------------------------------------------------- */

static void remove_dir(const struct compare *c)
{
	static const char *const names[] = { "socket", "result" };
	char path[PATH_MAX + 16];

	if (!c->env.dir[0])
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->env.dir, names[i]);
		unlink(path);
	}
	rmdir(c->env.dir);
}

static int compare(struct compare *c)
{
	int error;

	catch_signals();
	c->progress = isatty(STDERR_FILENO);
	c->env.options = &c->opt;
	c->env.stop = &compare_signal;
	error = make_dir(c);
	if (error == 0)
		error = prepare_target(c);
	if (error == 0) {
		find_peers(c);
		error = run_all(c);
	}
	if (c->opt.json && c->nresults && compare_json(stdout, c->results, c->nresults, &c->left_out) < 0) {
		log_err("cannot write the result");
		error = error ? error : -EIO;
	}
	if (c->made_file)
		unlink(c->opt.filename);
	remove_dir(c);
	free(c->results);
	if (compare_signal)
		return 128 + compare_signal;
	return error < 0 ? BENCH_EXIT_START : BENCH_EXIT_OK;
}

int bench_compare_main(int argc, char **argv)
{
	struct compare *c = calloc(1, sizeof(*c));
	char why[PATH_MAX + 256];
	int status = BENCH_EXIT_START;

	if (!c)
		return status;
	switch (compare_options_parse(argc, argv, &c->opt, why, sizeof(why))) {
	case COMPARE_HELP:
		compare_usage(stdout);
		status = BENCH_EXIT_OK;
		break;
	case COMPARE_WRONG:
		log_err("%s", why);
		break;
	case COMPARE_PARSED:
		status = compare(c);
	}
	free(c);
	return status;
}
