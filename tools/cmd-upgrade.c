// SPDX-License-Identifier: MIT
/* sluice backend-upgrade: other builds take over from the backends that run. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "common/array.h"
#include "common/log.h"
#include "drivers-domain/upgrade.h"
#include "tools/rundir.h"
#include "tools/upgrade-list.h"
#include "xenstore/xsnode.h"

/* For the daemon to see the question. */
#define TAKE_MS 10000u
/* To answer it: the new build's word on journals, its start, and that of the old one. */
#define END_MS 60000u

/** enum upgrade_exit - the exit status; the worst of all devices counts. */
enum upgrade_exit { ALL_DONE, NOT_ASKED, OLD_SERVES, GUEST_NOTICES };

struct upgrade_args {
	const char *store;
	bool keep_going;
	struct upgrade_want want;
};

static void usage(void)
{
	printf("Usage: sluice backend-upgrade [OPTION..] [NAME [DEVICE]]\n"
	       "Lets the installed builds of the backend programs take over from those that run: of\n"
	       "all your guests, of one, or of one device (xvda, vif0, console1). A guest pauses.\n\n"
	       "  --store=PATH   the socket of one store, such as dom0's on Xen, instead of your stacks\n"
	       "  --keep-going   also after a device whose new build is no good\n\n"
	       "Exit status: 0 all were replaced, 1 nothing could be asked for, 2 the old build still\n"
	       "serves a device, 3 a device is not served, or its guest has to connect again.\n");
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct upgrade_args *args)
{
	static const struct option options[] = {
		{ "store", required_argument, NULL, 's' },
		{ "keep-going", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":hk", options, NULL)) != -1) {
		if (c == 'h') {
			usage();
			return 0;
		}
		if (c == ':' || c == '?') {
			log_err("%s %s; sluice help backend-upgrade lists the options", argv[optind - 1],
				c == ':' ? "needs a value" : "is no option of sluice backend-upgrade");
			return NOT_ASKED;
		}
		if (c == 'k')
			args->keep_going = true;
		else
			args->store = optarg;
	}
	if (argc - optind > 2) {
		log_err("%s: unexpected argument; it takes NAME and DEVICE", argv[optind + 2]);
		return NOT_ASKED;
	}
	args->want.guest = argc > optind ? argv[optind] : NULL;
	args->want.device = argc > optind + 1 ? argv[optind + 1] : NULL;
	return -1;
}

/* --- one device ------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void await_event(struct xs_handle *xs)
{
	struct pollfd p = { .fd = xs_fileno(xs), .events = POLLIN };
	char **event;

	(void)poll(&p, 1, 500);
	while ((event = xs_check_watch(xs)))
		free(event);
}

/* What follows our word in the answer; NULL: none came. malloc'ed. */
static char *await_answer(struct xs_handle *xs, const char *leaf, const char *token)
{
	uint64_t begun = now_ms();
	size_t n = strlen(token);
	bool taken = false;

	while (now_ms() - begun < (taken ? END_MS : TAKE_MS)) {
		CLEANUP_FREE char *text = xsn_read(xs, XBT_NULL, leaf, UPGRADE_STATUS_NODE);

		if (text && strncmp(text, token, n) == 0 && text[n] == ' ')
			return strdup(text + n + 1);
		if (!taken) {
			CLEANUP_FREE char *question = xsn_read(xs, XBT_NULL, leaf, UPGRADE_NODE);

			taken = !question && errno == ENOENT;
		}
		await_event(xs);
	}
	/* Nobody is to be surprised by it later. */
	(void)!xsn_rm(xs, XBT_NULL, leaf, UPGRADE_NODE);
	return NULL;
}

/* The daemon's words, or a stranger's: nothing that a terminal would obey. */
static enum upgrade_exit say(const char *label, char *answer)
{
	static const struct {
		const char *word, *text;
		enum upgrade_exit status;
	} ends[] = {
		{ "done", "replaced", ALL_DONE },
		{ "refused", "not replaced, the old build goes on", OLD_SERVES },
		{ "kept", "the new build failed, the old one serves again", OLD_SERVES },
		{ "reconnect", "replaced, but the guest has to connect again", GUEST_NOTICES },
		{ "lost", "neither build serves", GUEST_NOTICES },
	};
	char word[16];
	unsigned ms;
	int at = 0;

	for (char *p = answer; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (sscanf(answer, "%15s %u %n", word, &ms, &at) == 2 && at > 0)
		for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
			if (strcmp(word, ends[i].word) == 0) {
				printf("%-24s %s (%u ms without service)%s%s\n", label, ends[i].text, ms,
					answer[at] ? ": " : "", answer + at);
				return ends[i].status;
			}
	printf("%-24s its daemon's answer is not understood: %s\n", label, answer);
	return GUEST_NOTICES;
}

static enum upgrade_exit upgrade_one(const struct upgrade_target *t)
{
	CLEANUP_FREE char *answer = NULL;
	struct xs_handle *xs = upgrade_store(t->store);
	enum upgrade_exit status = NOT_ASKED;
	char token[UPGRADE_TOKEN_MAX + 1];
	struct timespec ts;
	int rc = xs ? 0 : -errno;

	if (!xs)
		goto out;
	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(token, sizeof(token), "%x-%llx", getpid(),
		(unsigned long long)ts.tv_sec * 1000000000ull + (unsigned long long)ts.tv_nsec);
	if (!xs_watch(xs, t->leaf, "upgrade"))
		rc = -errno;
	if (rc == 0)
		rc = xsn_write(xs, XBT_NULL, t->leaf, UPGRADE_NODE, token);
	if (rc == 0)
		answer = await_answer(xs, t->leaf, token);
	if (answer)
		status = say(t->label, answer);
	else if (rc == 0)
		printf("%-24s no answer: is sluice-driverd its domain's daemon, and not older than this?\n",
			t->label);
	xs_close(xs);
out:
	if (rc < 0)
		log_err("%s: its store does not take the question: %s", t->label, strerror(-rc));
	fflush(stdout);
	return status;
}

/* --- all ------------------------------------------------------------------------------------- */

/* One after the other: what is wrong with a build is to be found out with one guest. */
static enum upgrade_exit upgrade_all(const struct upgrade_list *l, bool keep_going)
{
	enum upgrade_exit worst = ALL_DONE;

	for (unsigned i = 0; i < l->count; i++) {
		enum upgrade_exit status = upgrade_one(&l->target[i]);

		worst = status > worst ? status : worst;
		if (worst != ALL_DONE && !keep_going && i + 1 < l->count) {
			printf("The other %u are left as they are.\n", l->count - i - 1);
			break;
		}
	}
	return worst;
}

int verb_backend_upgrade(int argc, char **argv)
{
	struct upgrade_args args = { .keep_going = false };
	struct upgrade_list list;
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	if (upgrade_find(args.store, &args.want, &list) < 0)
		return NOT_ASKED;
	if (!list.count)
		log_err("%s%s%s%s: no such device is served; sluice block-list shows disks",
			args.want.guest ? args.want.guest : "your stacks", args.want.device ? " " : "",
			args.want.device ? args.want.device : "", args.store ? " in that store" : "");
	status = list.count ? upgrade_all(&list, args.keep_going) : NOT_ASKED;
	upgrade_list_free(&list);
	return status;
}
