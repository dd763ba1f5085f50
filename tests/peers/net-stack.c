// SPDX-License-Identifier: MIT
/*
 * net-stack OPTION..: a private stack of guest process domains with network interfaces, and
 * commands in them.
 *
 *   --vif=KEY=VALUE,..   an interface; guest=N says whose (0, 1, ..), the rest is as in the store:
 *                        handle mac attach device bridge vifname script rate rate-in mtu forward
 *   --network=COMMAND    run by sh in the network driver domain's network; before the interfaces
 *                        if given before them, else after
 *   --guest=COMMAND      run by sh in the next guest domain, all at the same time, at the end
 *
 * Ends when all guests' commands have; the status is that of the last one that failed.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/array.h"
#include "common/log.h"
#include "tools/stack-net.h"
#include "tools/stack-process.h"

#define GUESTS_MAX 4u
#define STEPS_MAX 32u

struct rig {
	struct stack *st;
	unsigned nguests;
	uint32_t domid[GUESTS_MAX];
	pid_t pid[GUESTS_MAX];
	char why[512];
};

static volatile sig_atomic_t ended_by;

static void on_signal(int sig)
{
	ended_by = sig;
}

static int complain(struct rig *r, int rc)
{
	log_err("%s", r->why);
	return rc;
}

/* Guests are made as they are named. */
static int need_guest(struct rig *r, unsigned n)
{
	if (n >= GUESTS_MAX)
		return -EINVAL;
	while (r->nguests <= n) {
		int rc = 0;

		if (r->nguests == 0)
			r->domid[0] = stack_guest_domid(r->st);
		else
			rc = stack_guest_add(r->st, &r->domid[r->nguests], r->why, sizeof(r->why));
		if (rc < 0)
			return complain(r, rc);
		r->nguests++;
	}
	return 0;
}

/* "BYTES,USEC" */
static void set_rate(struct stack_rate *rate, const char *text)
{
	char *end;

	rate->bytes = strtoull(text, &end, 10);
	rate->usec = *end ? strtoul(end + 1, NULL, 10) : 0;
}

static int set_key(struct stack_vif *vif, unsigned *guest, const char *key, char *value)
{
	const struct {
		const char *name;
		const char **text;
		unsigned *number;
		struct stack_rate *rate;
	} keys[] = {
		{ "guest", NULL, guest, NULL }, { "handle", NULL, &vif->handle, NULL }, { "mtu", NULL, &vif->mtu, NULL },
		{ "mac", &vif->mac, NULL, NULL }, { "attach", &vif->attach, NULL, NULL },
		{ "device", &vif->device, NULL, NULL }, { "bridge", &vif->bridge, NULL, NULL },
		{ "vifname", &vif->vifname, NULL, NULL }, { "script", &vif->script, NULL, NULL },
		{ "rate", NULL, NULL, &vif->rate }, { "rate-in", NULL, NULL, &vif->rate_in },
		{ "forward", &vif->forward, NULL, NULL },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, key) != 0)
			continue;
		if (keys[i].text)
			*keys[i].text = value;
		else if (keys[i].rate)
			set_rate(keys[i].rate, value);
		else
			*keys[i].number = strtoul(value, NULL, 10);
		return 0;
	}
	log_err("an interface has no %s", key);
	return -EINVAL;
}

static int attach(struct rig *r, char *text)
{
	struct stack_vif vif = { 0 };
	unsigned guest = 0;
	char *save = NULL;
	int rc = 0;

	for (char *part = strtok_r(text, ",", &save); part && rc == 0; part = strtok_r(NULL, ",", &save)) {
		char *value = strchr(part, '=');

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		/* Rates have a comma: written with a plus. */
		for (char *p = strstr(part, "rate") ? value : NULL; p && (p = strchr(p, '+')); p++)
			*p = ',';
		rc = set_key(&vif, &guest, part, value);
	}
	if (rc == 0)
		rc = need_guest(r, guest);
	if (rc == 0) {
		rc = stack_attach_vif(r->st, r->domid[guest], &vif, r->why, sizeof(r->why));
		if (rc < 0)
			complain(r, rc);
	}
	return rc;
}

static int in_network(struct rig *r, const char *command)
{
	struct stack_process *p = stack_network(r->st, r->why, sizeof(r->why));
	int status = 0, rc;
	pid_t pid;

	if (!p)
		return complain(r, -errno);
	pid = fork();
	if (pid == 0) {
		rc = stack_network_enter(p);
		if (rc == 0)
			execl("/bin/sh", "sh", "-ec", command, NULL);
		log_err("cannot run %s there: %s", command, strerror(rc ? -rc : errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid < 0 || status ? -EIO : 0;
}

static int in_guest(struct rig *r, unsigned n, char *command)
{
	char *argv[] = { (char *)"/bin/bash", (char *)"-ec", command, NULL };
	int rc = need_guest(r, n);

	if (rc < 0)
		return rc;
	r->pid[n] = stack_spawn_guest_in(r->st, r->domid[n], argv, -1, 0);
	return r->pid[n] < 0 ? r->pid[n] : 0;
}

/* Until all have ended; parts of the stack that die are started again meanwhile. */
static int await_guests(struct rig *r)
{
	struct pollfd p = { .fd = stack_log_fd(r->st), .events = POLLIN };
	unsigned left = 0;
	int result = 0;

	for (unsigned i = 0; i < r->nguests; i++)
		left += r->pid[i] > 0;
	while (left && !ended_by) {
		int status;

		(void)poll(&p, 1, 50);
		stack_pump(r->st);
		if (stack_check(r->st, r->why, sizeof(r->why)) < 0)
			return complain(r, 1);
		for (unsigned i = 0; i < r->nguests; i++) {
			if (r->pid[i] <= 0 || waitpid(r->pid[i], &status, WNOHANG) != r->pid[i])
				continue;
			stack_guest_reaped(r->st, r->pid[i]);
			r->pid[i] = 0;
			left--;
			if (status) {
				result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
				log_err("guest %u ended with %d", i, result);
			}
		}
	}
	return ended_by ? 128 + ended_by : result;
}

static int take_steps(struct rig *r, int argc, char **argv)
{
	static const struct option options[] = { { "vif", required_argument, NULL, 'v' },
		{ "network", required_argument, NULL, 'n' }, { "guest", required_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 } };
	unsigned guests = 0;
	int c, rc = 0;

	while (rc == 0 && !ended_by && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'v')
			rc = attach(r, optarg);
		else if (c == 'n')
			rc = in_network(r, optarg);
		else if (c == 'g')
			rc = in_guest(r, guests++, optarg);
		else
			rc = -EINVAL;
	}
	return rc < 0 ? 125 : await_guests(r);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct rig r = { .nguests = 0 };
	int status;

	log_init("net-stack");
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	r.st = stack_start(r.why, sizeof(r.why));
	if (!r.st)
		return -complain(&r, -125);
	status = take_steps(&r, argc, argv);
	stack_stop(r.st);
	return status;
}
