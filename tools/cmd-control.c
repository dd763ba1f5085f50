// SPDX-License-Identifier: MIT
/* sluice list, pause, unpause, shutdown, reboot, destroy, console: what runs in the user's stacks. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "common/log.h"
#include "tools/boot.h"
#include "tools/console-client.h"
#include "tools/rundir.h"

/* A stack that builds or destroys another vm answers when it has done so. */
#define ANSWER_MS 60000

/* Ask the stack whose run directory is @dir; false: it does not answer. */
static bool ask(const char *dir, const char *verb, const char *name, char *reply)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char request[128];
	ssize_t n;

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir) >=
		sizeof(sun.sun_path))
		return false;
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return false;
	n = snprintf(request, sizeof(request), name[0] ? "%s %s" : "%s", verb, name);
	if (n >= (ssize_t)sizeof(request) || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	if (poll(&p, 1, ANSWER_MS) <= 0)
		return false;
	n = recv(fd, reply, BOOT_MESSAGE_MAX - 1, 0);
	reply[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* --- looking for vms --------------------------------------------------- */

static bool is_ok(const char *reply)
{
	return strncmp(reply, "ok\n", 3) == 0;
}

static int print_vms(const char *dir, void *opaque)
{
	char reply[BOOT_MESSAGE_MAX], name[64], state[16], *save = NULL;
	unsigned domid, memory, vcpus;

	if (!ask(dir, "list", "", reply) || !is_ok(reply))
		return 0;
	for (char *line = strtok_r(reply + 3, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%63s %u %u %u %15s", name, &domid, &memory, &vcpus, state) == 5)
			printf("%-24s %5u %6u %5u  %s\n", name, domid, memory, vcpus, state);
	return 0;
}

struct search {
	const char *name;
	char dir[108];
	unsigned found;
};

static int find_vm(const char *dir, void *opaque)
{
	struct search *s = opaque;
	char reply[BOOT_MESSAGE_MAX], *save = NULL;
	size_t length = strlen(s->name);

	if (!ask(dir, "list", "", reply) || !is_ok(reply))
		return 0;
	for (char *line = strtok_r(reply + 3, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, s->name, length) != 0 || line[length] != ' ')
			continue;
		snprintf(s->dir, sizeof(s->dir), "%s", dir);
		s->found++;
	}
	return 0;
}

/* The run directory of the one vm of that name; said if there is none, or more. */
static int locate(const char *name, struct search *s)
{
	*s = (struct search){ .name = name };
	rundir_each(find_vm, s);
	if (s->found == 1)
		return 0;
	if (s->found)
		log_err("%u vms of yours are named %s; each sluice boot can have its own --name", s->found,
			name);
	else
		log_err("there is no vm %s of yours; sluice list shows them", name);
	return -ENOENT;
}

static bool is_gone(const char *name)
{
	struct search s = { .name = name };

	rundir_each(find_vm, &s);
	return s.found == 0;
}

/* --- verbs ------------------------------------------------------------- */

struct control_args {
	const char *name;
	bool wait;
};

static void usage(const char *verb, bool can_wait)
{
	printf("Usage: sluice %s %sNAME\nActs on a vm that sluice boot runs.\n", verb,
		can_wait ? "[--wait] " : "");
	if (can_wait)
		printf("\n  --wait   until it is gone\n");
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, bool can_wait, struct control_args *args)
{
	static const struct option options[] = {
		{ "wait", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+hw", options, NULL)) != -1) {
		if (c == 'h') {
			usage(argv[0], can_wait);
			return 0;
		}
		if (c != 'w' || !can_wait) {
			log_err("%s is no option of sluice %s", argv[optind - 1], argv[0]);
			return 1;
		}
		args->wait = true;
	}
	if (argc - optind != 1 || !argv[optind][0]) {
		log_err("which vm? sluice %s NAME; sluice list shows the names", argv[0]);
		return 1;
	}
	args->name = argv[optind];
	return -1;
}

static int request(const char *verb, const struct control_args *args, char *reply)
{
	struct search s;

	if (locate(args->name, &s) < 0)
		return 1;
	if (!ask(s.dir, verb, args->name, reply)) {
		log_err("the sluice boot that runs %s does not answer", args->name);
		return 1;
	}
	if (is_ok(reply))
		return 0;
	reply[strcspn(reply, "\n")] = '\0';
	log_err("%s", reply);
	return 1;
}

static int simple_verb(int argc, char **argv, bool can_wait)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	struct control_args args = { .wait = false };
	char reply[BOOT_MESSAGE_MAX];
	int status = parse(argc, argv, can_wait, &args);

	if (status < 0)
		status = request(argv[0], &args, reply);
	else
		return status;
	while (status == 0 && args.wait && !is_gone(args.name))
		nanosleep(&pause, NULL);
	return status;
}

int verb_control(int argc, char **argv)
{
	return simple_verb(argc, argv, false);
}

int verb_shutdown(int argc, char **argv)
{
	return simple_verb(argc, argv, true);
}

int verb_list(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("Usage: sluice list\nShows the vms that your sluice boots run.\n");
		return 0;
	}
	if (argc > 1) {
		log_err("%s is no option of sluice list", argv[1]);
		return 1;
	}
	printf("%-24s %5s %6s %5s  %s\n", "Name", "ID", "Mem", "VCPUs", "State");
	rundir_each(print_vms, NULL);
	return 0;
}

int verb_console(int argc, char **argv)
{
	struct control_args args = { .wait = false };
	char reply[BOOT_MESSAGE_MAX];
	int status = parse(argc, argv, false, &args);

	if (status >= 0)
		return status;
	status = request("console", &args, reply);
	if (status)
		return status;
	reply[3 + strcspn(reply + 3, "\n")] = '\0';
	return console_client_run(reply + 3);
}
