// SPDX-License-Identifier: MIT
/*
 * sluice-netfront-tap: a process domain's network interface as one of the kernel's, in a
 * network namespace of its own, so that stock programs use it.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "common/log.h"
#include "frontends/tap/pump.h"
#include "frontends/tap/tap.h"
#include "xenstore/xsnode.h"

#define ADDRESSES_MAX 16u
/* Between two attempts to connect to a backend that has gone. */
#define RETRY_MS 200
#define EXIT_START 125

struct options {
	struct netfront_config config;
	const char *name;
	uint32_t mtu;
	bool same_namespace;
	const char *address[ADDRESSES_MAX], *gateway[ADDRESSES_MAX];
	unsigned naddresses, ngateways;
	char **command;
};

struct bridge {
	struct options opt;
	struct netfront *nf;
	struct tap tap;
	struct pump pump[NETFRONT_MAX_QUEUES];
	unsigned pumps;
	int stop_fd, failed_fd, signal_fd;
	sigset_t signals_before;
	bool carrier;
	pid_t child;
	int status;              /* to exit with */
};

/* --- options -------------------------------------------------------------------------- */

enum { OPT_VIF = 256, OPT_NAME, OPT_QUEUES, OPT_ADDRESS, OPT_GATEWAY, OPT_MTU, OPT_SAME, OPT_NO_SG,
	OPT_NO_GSO, OPT_NO_CSUM, OPT_POLL, OPT_LEVEL, OPT_TAKEOVER };

static const struct option long_options[] = {
	{ "vif", required_argument, NULL, OPT_VIF },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "gateway", required_argument, NULL, OPT_GATEWAY },
	{ "mtu", required_argument, NULL, OPT_MTU },
	{ "same-namespace", no_argument, NULL, OPT_SAME },
	{ "no-sg", no_argument, NULL, OPT_NO_SG },
	{ "no-gso", no_argument, NULL, OPT_NO_GSO },
	{ "no-csum", no_argument, NULL, OPT_NO_CSUM },
	{ "poll-us", required_argument, NULL, OPT_POLL },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "takeover", no_argument, NULL, OPT_TAKEOVER },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	puts("Usage: sluice-netfront-tap [OPTION..] [--] [COMMAND [ARGUMENT..]]\n"
	     "Connects a domain's network interface and shows it to the kernel as a TAP, in a network\n"
	     "namespace of its own, in which COMMAND runs. Without COMMAND until SIGTERM.\n\n"
	     "  --vif=N            the interface; default the first\n"
	     "  --name=NAME        of the TAP; default eth0\n"
	     "  --address=IP/BITS  give it an address; may be repeated\n"
	     "  --gateway=IP       a default route over it; may be repeated\n"
	     "  --mtu=BYTES        default what the toolstack says, or 1500\n"
	     "  --queues=N         1 (default) to 8\n"
	     "  --same-namespace   make the TAP in the network namespace that we are in\n"
	     "  --takeover         end what another user of the interface has, or left\n"
	     "  --poll-us=N        look for packets so long before sleeping; default 0\n"
	     "  --no-sg, --no-gso, --no-csum  do without\n"
	     "  --log-level=LEVEL  error, warning (default), info, debug\n"
	     "  --help, --version\n\n"
	     "The exit status is COMMAND's; 125: the interface could not be connected.");
}

static uint32_t parse_number(const char *name, const char *text, uint32_t least, uint32_t most)
{
	uint64_t n;

	if (xsn_parse_u64(text, most, &n) < 0 || n < least) {
		log_err("--%s=%s is no number from %u to %u", name, text, least, most);
		exit(EXIT_START);
	}
	return n;
}

static void add(const char **list, unsigned *n, const char *text)
{
	if (*n == ADDRESSES_MAX) {
		log_err("at most %u addresses and gateways each", ADDRESSES_MAX);
		exit(EXIT_START);
	}
	list[(*n)++] = text;
}

static void set_level(const char *text)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0) {
		log_err("--log-level=%s is none of error, warning, info, debug", text);
		exit(EXIT_START);
	}
	log_set_level(level);
}

static void set_name(struct options *o, const char *text)
{
	if (!*text || strlen(text) >= IFNAMSIZ || strchr(text, '/')) {
		log_err("--name=%s: names have 1 to %u characters and no /", text, IFNAMSIZ - 1);
		exit(EXIT_START);
	}
	o->name = text;
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case OPT_VIF:
		o->config.vif = parse_number("vif", optarg, 0, UINT16_MAX);
		break;
	case OPT_NAME:
		set_name(o, optarg);
		break;
	case OPT_QUEUES:
		o->config.queues = parse_number("queues", optarg, 1, NETFRONT_MAX_QUEUES);
		break;
	case OPT_ADDRESS:
		add(o->address, &o->naddresses, optarg);
		break;
	case OPT_GATEWAY:
		add(o->gateway, &o->ngateways, optarg);
		break;
	case OPT_MTU:
		o->mtu = parse_number("mtu", optarg, 68, 65521);
		break;
	case OPT_SAME:
		o->same_namespace = true;
		break;
	case OPT_NO_SG:
		o->config.no_sg = true;
		break;
	case OPT_NO_GSO:
		o->config.no_gso = true;
		break;
	case OPT_NO_CSUM:
		o->config.no_csum = o->config.no_csum_ipv6 = true;
		break;
	case OPT_POLL:
		o->config.poll_us = parse_number("poll-us", optarg, 0, 1000000);
		break;
	case OPT_LEVEL:
		set_level(optarg);
		break;
	case OPT_TAKEOVER:
		o->config.takeover = true;
		break;
	}
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	o->config.vif = NETFRONT_FIRST_VIF;
	o->name = "eth0";
	while ((c = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1) {
		if (c == 'h') {
			usage();
			exit(0);
		}
		if (c == 'V') {
			puts("sluice-netfront-tap " PACKAGE_VERSION);
			exit(0);
		}
		if (c == '?')
			exit(EXIT_START);
		take_option(o, c);
	}
	if (!o->config.poll_us)
		o->config.poll_us = NETFRONT_NO_POLL;
	o->command = argv + optind;
}

/* --- the pumps ------------------------------------------------------------------------ */

static int start_pumps(struct bridge *b)
{
	const struct netfront_info *info = netfront_get_info(b->nf);
	uint32_t mtu = b->opt.mtu ? b->opt.mtu : info->mtu;
	int rc = 0;

	for (b->pumps = 0; rc == 0 && b->pumps < info->queues && b->pumps < b->tap.queues;) {
		struct pump *p = &b->pump[b->pumps];

		*p = (struct pump){ .nf = b->nf, .q = netfront_queue(b->nf, b->pumps),
			.tap_fd = b->tap.fd[b->pumps], .stop_fd = b->stop_fd, .failed_fd = b->failed_fd,
			/* Room for two VLAN tags; with GSO whatever the protocol has. */
			.max_len = info->gso_tcpv4 || info->gso_tcpv6 ? info->max_len : mtu + 22 };
		if (p->max_len > info->max_len)
			p->max_len = info->max_len;
		rc = pump_start(p);
		b->pumps += rc == 0;
	}
	if (rc < 0)
		log_err("cannot start a thread: %s", strerror(-rc));
	return rc;
}

static void stop_pumps(struct bridge *b)
{
	uint64_t n = 1;

	(void)!write(b->stop_fd, &n, sizeof(n)); /* cannot overflow */
	while (b->pumps)
		pump_join(&b->pump[--b->pumps]);
	(void)!read(b->stop_fd, &n, sizeof(n));
	(void)!read(b->failed_fd, &n, sizeof(n)); /* may be empty */
}

static void show_carrier(struct bridge *b)
{
	bool up = netfront_carrier(b->nf) && !*netfront_why(b->nf);

	if (up == b->carrier)
		return;
	b->carrier = up;
	tap_set_carrier(&b->tap, up);
}

/* The backend left: connect again, as often as it takes. @wait_ms: until the next attempt. */
static void reconnect(struct bridge *b)
{
	stop_pumps(b);
	show_carrier(b);
	if (netfront_reconnect(b->nf) < 0)
		return; /* tried again in a while */
	log_info("%s: connected again", b->tap.name);
	if (tap_set(&b->tap, netfront_get_info(b->nf), b->opt.mtu) == 0 && start_pumps(b) == 0)
		show_carrier(b);
}

/* --- start and end --------------------------------------------------------------------- */

static int make_descriptors(struct bridge *b)
{
	static const int wanted[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	/* Before there are threads: they must not get them. */
	sigprocmask(SIG_BLOCK, &set, &b->signals_before);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	b->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return b->signal_fd < 0 || b->stop_fd < 0 || b->failed_fd < 0 ? -errno : 0;
}

static int set_addresses(struct bridge *b)
{
	for (unsigned i = 0; i < b->opt.naddresses + b->opt.ngateways; i++) {
		bool gateway = i >= b->opt.naddresses;
		const char *text = gateway ? b->opt.gateway[i - b->opt.naddresses] : b->opt.address[i];
		int rc = gateway ? tap_add_gateway(&b->tap, text) : tap_add_address(&b->tap, text);

		if (rc == 0)
			continue;
		log_err("--%s=%s: %s", gateway ? "gateway" : "address", text,
			rc == -EINVAL ? gateway ? "no IP address" : "not IP/BITS" : strerror(-rc));
		return rc;
	}
	return 0;
}

static int connect_all(struct bridge *b)
{
	const struct netfront_info *info;
	char why[256] = "";
	int rc;

	b->nf = netfront_open(&b->opt.config, why, sizeof(why));
	if (!b->nf) {
		log_err("%s", why);
		return -errno;
	}
	info = netfront_get_info(b->nf);
	rc = tap_open(&b->tap, b->opt.name, info->queues);
	if (rc == 0)
		rc = tap_set(&b->tap, info, b->opt.mtu);
	if (rc == 0)
		rc = tap_up(&b->tap);
	if (rc == 0)
		rc = set_addresses(b);
	b->carrier = true; /* a new one's */
	if (rc == 0)
		show_carrier(b);
	return rc < 0 ? rc : start_pumps(b);
}

static _Noreturn void become_command(struct bridge *b)
{
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &b->signals_before, NULL);
	execvp(b->opt.command[0], b->opt.command);
	error = errno;
	log_err("%s: %s", b->opt.command[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static int start_command(struct bridge *b)
{
	if (!b->opt.command[0])
		return 0;
	b->child = fork();
	if (b->child == 0)
		become_command(b);
	return b->child < 0 ? -errno : 0;
}

/* Return: whether it is time to end. */
static bool take_signal(struct bridge *b)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(b->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGCHLD) {
		/* The terminal tells the command itself. */
		if (b->child && info.ssi_code != SI_KERNEL)
			kill(b->child, info.ssi_signo);
		b->status = b->child ? b->status : 0;
		return !b->child;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != b->child)
			continue;
		b->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		return true;
	}
	return false;
}

static void serve(struct bridge *b)
{
	struct pollfd fds[] = { { .fd = b->signal_fd, .events = POLLIN },
		{ .fd = b->failed_fd, .events = POLLIN } };

	for (;;) {
		/* Changes of the carrier wake queue 0's thread, not this one. */
		int n = poll(fds, 2, b->pumps ? 500 : RETRY_MS);

		if (n > 0 && fds[0].revents && take_signal(b))
			return;
		if (b->pumps == 0 || (n > 0 && fds[1].revents))
			reconnect(b);
		else
			show_carrier(b);
	}
}

int main(int argc, char **argv)
{
	struct bridge b = { .status = EXIT_START };
	int rc = 0;

	log_init("sluice-netfront-tap");
	parse_options(argc, argv, &b.opt);
	/* Before libxenstore makes a thread. */
	if (!b.opt.same_namespace && (rc = tap_namespace()) < 0)
		die("cannot make a network namespace: %s; --same-namespace does without", strerror(-rc));
	rc = make_descriptors(&b);
	if (rc == 0)
		rc = connect_all(&b);
	if (rc == 0)
		rc = start_command(&b);
	if (rc == 0)
		serve(&b);
	stop_pumps(&b);
	netfront_close(b.nf);
	tap_close(&b.tap);
	return b.status;
}
