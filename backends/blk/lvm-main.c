// SPDX-License-Identifier: MIT
/*
 * sluice-lvm: has a logical volume active while somebody uses it as a disk.
 *
 * LVM's commands need what a backend does not have once it serves: root's rights in the
 * machine's own namespaces. So this program stays beside it: it activates, says where the
 * device is, tells when its size changes, and deactivates when it is told that the disk has
 * ended. Whoever started it may be hostile by then, and can say no more than that.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenstore.h>

#include "backends/blk/helper.h"
#include "backends/blk/lvm-report.h"
#include "backends/blk/lvm-users.h"
#include "backends/blk/lvm-watch.h"
#include "common/log.h"
#include "common/lvm-name.h"

#define LVM_USERS_DIR "/run/sluice-lvm"
#define LVM_COMMAND_MS 120000u
#define LVM_TURN_MS 120000u /* that others may be at it */
#define LVM_WHY 400u

/** struct lvm - a volume and its user. */
struct lvm {
	struct lvm_name name;
	const char *user, *resize_node, *store, *dir;
	bool readonly, shared, release_at_eof;
	bool has_log;         /* HELPER_FD was given */
	char volume[2 * LVM_UUID_ROOM + 2]; /* the name of its directory */
	bool ours;
	dev_t device;
	uint64_t size;
};

/* --- asking and telling LVM -------------------------------------------------------------------- */

static bool lvm_has_group(const struct lvm *l)
{
	const char *const argv[] = { "vgs", "--noheadings", "-o", "vg_name", "--", l->name.vg, NULL };
	char out[512], why[LVM_WHY];

	return helper_run(NULL, argv, -1, LVM_COMMAND_MS, out, sizeof(out), why, sizeof(why)) == 0;
}

static void lvm_ask(const struct lvm *l, struct lvm_report *report)
{
	const char *const argv[] = { "lvs", "--all", "--binary", "--reportformat", "json", "-o",
		LVM_REPORT_FIELDS, "--", l->name.full, NULL };
	char out[8192], why[LVM_WHY] = "";
	int rc = helper_run(NULL, argv, -1, LVM_COMMAND_MS, out, sizeof(out), why, sizeof(why));

	if (rc == -ENOENT)
		die("lvm:%s: LVM's programs are not installed here; apt-get install lvm2", l->name.full);
	if (rc < 0 && rc != -EIO)
		die("lvm:%s: %s", l->name.full, why);
	rc = rc < 0 ? rc : lvm_report_parse(out, l->name.full, report);
	if (rc == -EPROTO)
		die("lvm:%s: what lvs reports makes no sense", l->name.full);
	if (rc == 0)
		return;
	if (!lvm_has_group(l))
		die("there is no volume group %s here; vgs lists them, and a devices file (lvmdevices) or a filter may hide it",
			l->name.vg);
	if (strstr(why, "Failed to find") || rc == -ENOENT)
		die("there is no logical volume %s in volume group %s; lvs %s lists them", l->name.lv,
			l->name.vg, l->name.vg);
	die("lvm:%s: lvs: %s", l->name.full, why + strspn(why, " "));
}

/* @how: lvchange's --activate. 0 or -errno with @why. */
static int lvm_change(const struct lvm *l, const char *how, char *why, size_t room)
{
	/* Yes: of a snapshot and its origin both change. Whoever names a volume wants it. */
	const char *const argv[] = { "lvchange", "--activate", how, "--ignoreactivationskip", "--yes", "--",
		l->name.full, NULL };
	char out[4096], said[LVM_WHY] = "";
	int rc = helper_run(NULL, argv, -1, LVM_COMMAND_MS, out, sizeof(out), said, sizeof(said));

	snprintf(why, room, "%s", said + strspn(said, " "));
	return rc;
}

/* In a volume group of several hosts others may have it. */
static const char *lvm_how(const struct lvm *l, const struct lvm_report *report)
{
	if (!report->shared)
		return "y";
	return l->shared || l->readonly ? "sy" : "ey";
}

/* --- beginning and ending ---------------------------------------------------------------------- */

static void lvm_abandon(struct lvm *l, struct lvm_users *users)
{
	bool last;

	if (lvm_users_leave(users, l->volume, l->user, &last) == 0 && last)
		lvm_users_forget(users, l->volume);
}

/* What LVM knows of active volumes only: whether a snapshot's room was enough. */
static void lvm_check_again(struct lvm *l, struct lvm_users *users)
{
	struct lvm_report report;
	char why[LVM_WHY], more[LVM_WHY];
	bool last = false;

	lvm_ask(l, &report);
	if (lvm_report_check(&report, l->name.full, l->readonly, why, sizeof(why)) == 0)
		return;
	if (lvm_users_leave(users, l->volume, l->user, &last) == 0 && last) {
		(void)!lvm_change(l, "n", more, sizeof(more));
		lvm_users_forget(users, l->volume);
	}
	die("%s", why);
}

static void lvm_find_device(struct lvm *l, struct lvm_users *users)
{
	struct stat sb;

	if (stat(l->name.path, &sb) == 0 && S_ISBLK(sb.st_mode)) {
		l->device = sb.st_rdev;
		return;
	}
	lvm_abandon(l, users);
	die("logical volume %s is active and has no device %s; vgmknodes makes it", l->name.full, l->name.path);
}

/* @users: still locked, until whoever started us has been told. */
static void lvm_begin(struct lvm *l, struct lvm_users *users)
{
	struct lvm_report report;
	char why[LVM_WHY];
	int rc = lvm_users_open(users, l->dir, LVM_TURN_MS);

	if (rc == -EBUSY)
		die("lvm:%s: other volumes are being activated for %u s and more; does LVM hang (lvs)?", l->name.full,
			LVM_TURN_MS / 1000);
	if (rc < 0)
		die("%s: %s; lvm: disks need root", l->dir, strerror(-rc));
	lvm_ask(l, &report);
	if (lvm_report_check(&report, l->name.full, l->readonly, why, sizeof(why)) < 0)
		die("%s", why);
	snprintf(l->volume, sizeof(l->volume), "%s.%s", report.vg_uuid, report.lv_uuid);
	/* Before it is activated: should we be killed now, the next one knows. */
	rc = lvm_users_join(users, l->volume, l->user, report.active, &l->ours);
	if (rc < 0)
		die("%s/%s: %s", l->dir, l->volume, strerror(-rc));
	if (!report.active || report.shared) {
		rc = lvm_change(l, lvm_how(l, &report), why, sizeof(why));
		if (rc < 0) {
			lvm_abandon(l, users);
			die("logical volume %s cannot be activated: %s", l->name.full, why);
		}
		lvm_check_again(l, users);
	}
	lvm_find_device(l, users);
	log_info("logical volume %s %s", l->name.full, l->ours ? "is active for its disks" :
								  "was active already, and stays so");
}

static void lvm_leave(struct lvm *l, struct lvm_users *users)
{
	char why[LVM_WHY];
	bool last = false;
	int rc = lvm_users_leave(users, l->volume, l->user, &last);

	if (rc < 0)
		log_err("%s: %s; logical volume %s is left active", l->dir, strerror(-rc), l->name.full);
	if (!last)
		return;
	if (lvm_change(l, "n", why, sizeof(why)) < 0)
		log_warn("logical volume %s is left active: %s", l->name.full, why);
	else
		log_info("logical volume %s is not active any more", l->name.full);
	lvm_users_forget(users, l->volume);
}

static void lvm_end(struct lvm *l)
{
	struct lvm_users users;
	int rc = lvm_users_open(&users, l->dir, LVM_TURN_MS);

	if (rc < 0) {
		log_err("%s: %s; logical volume %s is left active", l->dir, strerror(-rc), l->name.full);
		return;
	}
	lvm_leave(l, &users);
	lvm_users_close(&users);
}

/* --- while it is used -------------------------------------------------------------------------- */

static void lvm_write_node(const struct lvm *l, uint64_t size)
{
	struct xs_handle *xs = xs_open(0);
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)size);

	/* Of a disk that has ended it would make a directory anew. */
	if (!xs || !xs_write(xs, XBT_NULL, l->resize_node, text, (unsigned)n))
		log_warn("%s cannot be written: %s; the guest does not hear of the new size", l->resize_node,
			strerror(errno));
	if (xs)
		xs_close(xs);
}

static void lvm_check_size(struct lvm *l)
{
	uint64_t size = lvm_watch_size(l->device);

	if (size == l->size || size == 0)
		return;
	l->size = size;
	log_info("logical volume %s has %llu sectors of 512 bytes now", l->name.full, (unsigned long long)size);
	if (l->resize_node)
		lvm_write_node(l, size);
	else
		(void)!write(STDOUT_FILENO, "s\n", 2); /* one that was not read yet says it, too */
}

/* True: in order; false: whoever started us has gone. */
static bool lvm_serve(struct lvm *l, int watch)
{
	struct pollfd p[2] = { { STDIN_FILENO, POLLIN, 0 }, { watch, POLLIN, 0 } };
	char word;
	ssize_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents) {
			if (lvm_watch_drain(watch) < 0)
				p[1].fd = -1;
			lvm_check_size(l);
		}
		if (!p[0].revents)
			continue;
		n = read(STDIN_FILENO, &word, 1);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n == 1;
	}
}

/* Errors went to whoever started us, as one line; from here on there is the log. */
static void lvm_say_ready(struct lvm *l, struct lvm_users *users)
{
	printf("%s\n", l->name.path);
	if (fflush(stdout) != 0) {
		int error = errno;

		/* It has ended while we were at it, and does not know that there is something to end. */
		lvm_leave(l, users);
		die("cannot answer: %s", strerror(error));
	}
	lvm_users_close(users);
	if (l->has_log) {
		(void)dup2(HELPER_FD, STDERR_FILENO);
		close(HELPER_FD);
	}
	(void)fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
}

/* --- options ----------------------------------------------------------------------------------- */

static void lvm_help(void)
{
	puts("Usage: sluice-lvm --user=KEY [OPTION].. VG/LV\n"
	     "Have a logical volume active while it is a disk. Run by sluice-blk and by sluice.\n\n"
	     "  --user=KEY          the disk: a-z A-Z 0-9 . _ - and no other has it\n"
	     "  --readonly          it is not written\n"
	     "  --shared            others may write it, too\n"
	     "  --release-at-eof    the end of the input is the disk's end, not that of a process\n"
	     "                      that has a successor\n"
	     "  --resize-node=PATH  a node in the store to write when the size changes\n"
	     "  --store=PATH        the store's socket, for that\n"
	     "  --run-dir=DIR       what was activated, and for whom (default " LVM_USERS_DIR ")\n"
	     "  --help, --version\n\n"
	     "Prints the path of the device when it can be opened, and \"s\" after each change of its\n"
	     "size. A byte of input: the disk has ended.");
}

static void lvm_check_user(const char *user)
{
	if (!user || !user[0] || user[0] == '.' || strlen(user) > 128 ||
		user[strspn(user, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")])
		die("--user=KEY is missing, or has other characters than a-z A-Z 0-9 . _ -");
}

static void lvm_parse(int argc, char **argv, struct lvm *l)
{
	static const struct option options[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "readonly", no_argument, NULL, 'r' },
		{ "shared", no_argument, NULL, 's' },
		{ "release-at-eof", no_argument, NULL, 'e' },
		{ "resize-node", required_argument, NULL, 'n' },
		{ "store", required_argument, NULL, 't' },
		{ "run-dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	char why[LVM_WHY];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'u':
			l->user = optarg;
			break;
		case 'r':
			l->readonly = true;
			break;
		case 's':
			l->shared = true;
			break;
		case 'e':
			l->release_at_eof = true;
			break;
		case 'n':
			l->resize_node = optarg;
			break;
		case 't':
			l->store = optarg;
			break;
		case 'd':
			l->dir = optarg;
			break;
		case 'h':
			lvm_help();
			exit(0);
		case 'v':
			printf("sluice-lvm %s\n", PACKAGE_VERSION);
			exit(0);
		default:
			exit(1); /* getopt said why */
		}
	}
	if (optind + 1 != argc)
		die("one VG/LV is needed; see --help");
	if (lvm_name_parse(argv[optind], &l->name, why, sizeof(why)) < 0)
		die("%s", why);
	lvm_check_user(l->user);
}

/* LVM's messages are looked at; it is in sbin, which the environment of a login may lack. */
static void lvm_environment(const struct lvm *l)
{
	const char *path = getenv("PATH");
	CLEANUP_FREE char *with = NULL;

	if (asprintf(&with, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin") < 0 ||
		setenv("PATH", with, 1) < 0 || setenv("LC_ALL", "C", 1) < 0 ||
		setenv("LVM_SUPPRESS_FD_WARNINGS", "1", 1) < 0 ||
		(l->store && setenv("XENSTORED_PATH", l->store, 1) < 0))
		die("out of memory");
}

int main(int argc, char **argv)
{
	/* Before anything of ours could have that number. */
	struct lvm l = { .dir = LVM_USERS_DIR, .has_log = fcntl(HELPER_FD, F_GETFD) >= 0 };
	struct lvm_users users;
	int watch;

	log_init("sluice-lvm");
	lvm_parse(argc, argv, &l);
	lvm_environment(&l);
	(void)signal(SIGPIPE, SIG_IGN);
	lvm_begin(&l, &users);
	watch = lvm_watch_open(l.device);
	l.size = lvm_watch_size(l.device);
	lvm_say_ready(&l, &users);
	if (watch < 0)
		log_warn("the kernel does not tell here when %s changes (%s); after lvextend write the disk's node resize",
			l.name.full, strerror(-watch));
	if (lvm_serve(&l, watch) || l.release_at_eof)
		lvm_end(&l);
	return 0;
}
