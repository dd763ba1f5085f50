// SPDX-License-Identifier: MIT
/*
 * sluice-domain-init: the first process of a process domain. It leaves the host's
 * namespaces as far as it may, starts the domain's command, reaps, passes signals
 * on, and ends with the command's status. When it dies all of the domain dies.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/paths.h"
#include "hypervisor/process/domain-cgroup.h"
#include "hypervisor/process/domain-into.h"
#include "hypervisor/process/domain-net.h"
#include "hypervisor/process/domain-ns.h"
#include "hypervisor/process/domain-place.h"
#include "hypervisor/process/domain-root.h"
#include "hypervisor/process/domain-servers.h"

enum domain_network { NETWORK_HOST, NETWORK_OWN, NETWORK_ADMIN };
enum domain_confined { CONFINED_NOT, CONFINED_TRY, CONFINED_OR_NOT_AT_ALL };

struct options {
	char *run_dir;
	char *domain_dir;
	bool may_mount;
	enum domain_network network;
	struct domain_net net; /* in that */
	struct domain_servers servers; /* that it is given a way to */
	enum domain_confined confined; /* to what is allowed */
	struct domain_list list;
	pid_t into;    /* change that domain */
	char **remove; /* from it, paths, nremove of them */
	unsigned nremove;
	struct domain_cgroup cgroup;
	char **command;
};

enum { OPT_RUN_DIR = 256, OPT_DOMAIN_DIR, OPT_ENV, OPT_MAY_MOUNT, OPT_CONFINED, OPT_ALLOW,
	OPT_ALLOW_RO, OPT_OWN_NETWORK, OPT_BRIDGE, OPT_NETWORK_FD, OPT_INTO, OPT_REMOVE,
	OPT_SERVER, OPT_SERVERS_FD };

static const struct option long_options[] = {
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "domain-dir", required_argument, NULL, OPT_DOMAIN_DIR },
	{ "env", required_argument, NULL, OPT_ENV },
	{ "may-mount", no_argument, NULL, OPT_MAY_MOUNT },
	{ "confined", optional_argument, NULL, OPT_CONFINED },
	{ "allow", required_argument, NULL, OPT_ALLOW },
	{ "allow-ro", required_argument, NULL, OPT_ALLOW_RO },
	{ "own-network", optional_argument, NULL, OPT_OWN_NETWORK },
	{ "bridge", required_argument, NULL, OPT_BRIDGE },
	{ "network-fd", required_argument, NULL, OPT_NETWORK_FD },
	{ "server", required_argument, NULL, OPT_SERVER },
	{ "servers-fd", required_argument, NULL, OPT_SERVERS_FD },
	{ "into", required_argument, NULL, OPT_INTO },
	{ "remove", required_argument, NULL, OPT_REMOVE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	puts("usage: sluice-domain-init --run-dir=RUN --domain-dir=RUN/.../N [OPTION].. [--] COMMAND [ARGUMENT]..\n"
	     "       sluice-domain-init --into=PID [--allow=PATH].. [--allow-ro=PATH].. [--remove=PATH]..\n"
	     "\n"
	     "Runs COMMAND as process domain N, or changes what a running domain is allowed.\n"
	     "Started by the toolstack.\n"
	     "\n"
	     "  --run-dir=RUN      the toolstack's directory, hidden from the domain\n"
	     "  --domain-dir=DIR   the domain's own directory in it, with its sockets\n"
	     "  --env=NAME=VALUE   set an environment variable for COMMAND\n"
	     "  --may-mount        let COMMAND mount file systems in the domain (FUSE)\n"
	     "  --own-network      the domain has a network of its own, without interfaces\n"
	     "  --own-network=admin  and COMMAND may administer that\n"
	     "  --bridge=NAME      make a bridge in its own network first; may be repeated\n"
	     "  --network-fd=FD    write a byte there when that network is made, and start COMMAND\n"
	     "                     when one came back\n"
	     "  --server=HOST:PORT  have this address in its own network, and a socket that listens\n"
	     "                     there; may be repeated\n"
	     "  --servers-fd=FD    send these sockets here\n"
	     "  --confined         the domain has what programs need, DIR and what is allowed, and\n"
	     "                     nothing else of the host's files and devices\n"
	     "  --confined=try     the same where it is possible; a line says where it is not\n"
	     "  --allow=PATH       a file, directory or device for it; may be repeated\n"
	     "  --allow-ro=PATH    the same, read-only\n"
	     "  --into=PID         the domain whose sluice-domain-init has this process id\n"
	     "  --remove=PATH      take this path from it again; may be repeated\n"
	     "  --help, --version");
}

/* An absolute path without a slash at its end. */
static char *parse_dir(const char *option, const char *text)
{
	char *dir = realpath(text, NULL);

	if (!dir)
		die("--%s=%s: %s", option, text, strerror(errno));
	return dir;
}

static void parse_env(char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		die("--env=%s is not NAME=VALUE", text);
	if (putenv(text) != 0)
		die("cannot set %s: %s", text, strerror(errno));
}

static void check_options(const struct options *o)
{
	size_t n;

	if (!o->run_dir || !o->domain_dir || !o->command[0])
		die("--run-dir, --domain-dir and a command are needed; see --help");
	n = strlen(o->run_dir);
	if (strncmp(o->run_dir, o->domain_dir, n) != 0 || o->domain_dir[n] != '/')
		die("--domain-dir=%s is not inside --run-dir=%s", o->domain_dir, o->run_dir);
	domain_servers_check(&o->servers, o->network != NETWORK_HOST && o->confined == CONFINED_OR_NOT_AT_ALL);
	if ((o->net.nbridges || o->net.filled >= 0) && o->network == NETWORK_HOST)
		die("--bridge and --network-fd are for a domain with a network of its own: --own-network=admin");
}

static void confine_at_least(struct options *o, enum domain_confined how)
{
	if (o->confined < how)
		o->confined = how;
}

static void parse_allowed(struct options *o, const char *option, const char *text, bool readonly)
{
	int rc = domain_list_add(&o->list, text, readonly);

	if (rc == -E2BIG)
		die("a domain is allowed at most %u paths", DOMAIN_ALLOWED_MAX);
	if (rc == -EINVAL)
		die("--%s=%s would allow everything: leave --confined out", option, text);
	if (rc < 0)
		die("--%s=%s: %s", option, text, strerror(-rc));
	confine_at_least(o, CONFINED_TRY);
}

static void parse_confined(struct options *o, const char *text)
{
	if (text && strcmp(text, "try") != 0)
		die("--confined=%s: there are --confined and --confined=try", text);
	o->confined = text ? CONFINED_TRY : CONFINED_OR_NOT_AT_ALL;
}

static void parse_network(struct options *o, const char *text)
{
	if (text && strcmp(text, "admin") != 0)
		die("--own-network=%s: there are --own-network and --own-network=admin", text);
	o->network = text ? NETWORK_ADMIN : NETWORK_OWN;
}

static void parse_into(struct options *o, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (n < 1 || n > INT_MAX || *end)
		die("--into=%s is no process id", text);
	o->into = (pid_t)n;
}

static void add_remove(struct options *o, char *path)
{
	char **grown = realloc(o->remove, (o->nremove + 1) * sizeof(*grown));

	if (!grown)
		die("out of memory");
	o->remove = grown;
	grown[o->nremove++] = path;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	bool tries = false;
	int c;

	while ((c = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_RUN_DIR:
			o->run_dir = parse_dir("run-dir", optarg);
			break;
		case OPT_DOMAIN_DIR:
			o->domain_dir = parse_dir("domain-dir", optarg);
			break;
		case OPT_ENV:
			parse_env(optarg);
			break;
		case OPT_MAY_MOUNT:
			o->may_mount = true;
			break;
		case OPT_CONFINED:
			parse_confined(o, optarg);
			tries = optarg;
			break;
		case OPT_OWN_NETWORK:
			parse_network(o, optarg);
			break;
		case OPT_BRIDGE:
			domain_net_add_bridge(&o->net, optarg);
			break;
		case OPT_NETWORK_FD:
			domain_net_parse_fd(&o->net, optarg);
			break;
		case OPT_SERVER:
			domain_servers_add(&o->servers, optarg);
			break;
		case OPT_SERVERS_FD:
			domain_servers_parse_fd(&o->servers, optarg);
			break;
		case OPT_INTO:
			parse_into(o, optarg);
			break;
		case OPT_REMOVE:
			add_remove(o, optarg);
			break;
		case OPT_ALLOW:
			parse_allowed(o, "allow", optarg, false);
			break;
		case OPT_ALLOW_RO:
			parse_allowed(o, "allow-ro", optarg, true);
			break;
		case 'h':
			usage();
			exit(0);
		case 'V':
			puts("sluice-domain-init " PACKAGE_VERSION);
			exit(0);
		default:
			exit(2);
		}
	}
	o->command = argv + optind;
	/* What is allowed is relied on, unless somebody says otherwise. */
	if (o->confined == CONFINED_TRY && !tries)
		o->confined = CONFINED_OR_NOT_AT_ALL;
	if (!o->into)
		check_options(o);
	else if (o->run_dir || o->command[0])
		die("--into starts nothing: it takes --allow, --allow-ro and --remove alone");
}

static void set_in_domain(const char *name, const struct options *o, const char *file)
{
	CLEANUP_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", o->domain_dir, file) < 0 || setenv(name, path, 1) < 0)
		die("cannot set %s: %s", name, strerror(ENOMEM));
}

static void set_environment(const struct options *o)
{
	CLEANUP_FREE char *libs = path_dropin_libs();
	CLEANUP_FREE char *path = NULL;
	const char *old = getenv("LD_LIBRARY_PATH");

	if (!libs)
		die("libxenevtchn.so.1 is neither in the build tree nor in " SLUICE_PKGLIBDIR
		    ": %s", strerror(errno));
	if (asprintf(&path, "%s%s%s", libs, old && *old ? ":" : "", old ? old : "") < 0 ||
		setenv("LD_LIBRARY_PATH", path, 1) < 0)
		die("cannot set LD_LIBRARY_PATH: %s", strerror(ENOMEM));
	set_in_domain("SLUICE_HYPERVISOR", o, "hypervisor.sock");
	set_in_domain("XENSTORED_PATH", o, "store.sock");
}

/* Both ends of a process's signals: what it waits for, and what a child gets back. */
static sigset_t signals_waited, signals_before;

static void signals_block(void)
{
	sigemptyset(&signals_waited);
	sigaddset(&signals_waited, SIGCHLD);
	sigaddset(&signals_waited, SIGTERM);
	sigaddset(&signals_waited, SIGINT);
	sigaddset(&signals_waited, SIGHUP);
	sigaddset(&signals_waited, SIGQUIT);
	sigprocmask(SIG_BLOCK, &signals_waited, &signals_before);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps all that ended; true with @status set when @main_pid was among them. */
static bool reap(pid_t main_pid, int *status)
{
	bool ended = false;
	pid_t pid;
	int s;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		if (pid == main_pid) {
			*status = exit_status(s);
			ended = true;
		}
	}
	return ended;
}

/* Passes signals to @main_pid and reaps until it ends; returns its status. */
static int supervise(pid_t main_pid)
{
	int status = 1;

	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&signals_waited, &info);

		if (sig < 0)
			continue;
		if (sig == SIGCHLD) {
			if (reap(main_pid, &status))
				return status;
		} else if (info.si_code != SI_KERNEL) {
			/* What the terminal sends the whole group has already. */
			kill(main_pid, sig);
		}
	}
}

static _Noreturn void command_exec(char **command)
{
	int err;

	sigprocmask(SIG_SETMASK, &signals_before, NULL);
	execvp(command[0], command);
	err = errno;
	log_err("cannot start %s: %s", command[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

/* @sealed: what the command may do as root it may do to the domain alone. */
static void set_rights(const struct options *o, bool sealed)
{
	int rc;

	if (o->may_mount)
		rc = sealed ? domain_caps_keep_mount() : 0;
	else
		rc = domain_caps_drop(sealed && o->network == NETWORK_ADMIN);
	if (rc < 0)
		die("cannot set the capabilities of %s: %s", o->command[0], strerror(-rc));
}

static int run_command(const struct options *o, bool sealed)
{
	pid_t pid;

	set_rights(o, sealed);
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		domain_cgroup_enter(&o->cgroup);
		command_exec(o->command);
	}
	return supervise(pid);
}

/* Is @path @dir or below it? */
static bool path_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* A working directory inside of what is hidden now would show it: enter it again by name. */
static void leave_hidden(const char *cwd, const char *hidden)
{
	if (cwd && path_inside(cwd, hidden) && chdir(cwd) < 0 && chdir("/") < 0)
		die("cannot enter /: %s", strerror(errno));
}

static void confine_fail(const char *failed, int rc)
{
	die("the domain cannot be confined to what it is allowed%s%s: %s", *failed ? ": " : "", failed,
		strerror(-rc));
}

/* What its sockets and its libraries are in. */
static int allow_own(struct options *o)
{
	CLEANUP_FREE char *libs = path_dropin_libs();
	int rc = libs ? domain_list_add(&o->list, libs, true) : 0;

	if (rc == 0)
		rc = domain_cgroup_allow(&o->cgroup, &o->list);
	if (rc == 0)
		rc = domain_servers_hosts(&o->servers, o->domain_dir, &o->list);
	return rc ? rc : domain_list_add(&o->list, o->domain_dir, false);
}

/* Where its daemon finds its groups, it sees no others. */
static void enter_cgroup(const struct options *o)
{
	int rc = o->cgroup.count ? domain_cgroup_namespace(&o->cgroup) : 0;

	if (rc < 0)
		die("the domain cannot have a control group namespace: %s", strerror(-rc));
}

/* A root of its own, or no domain, if somebody relies on it. */
static void confine(struct options *o)
{
	CLEANUP_FREE char *cwd = getcwd(NULL, 0);
	const char *failed = "";
	int rc = allow_own(o);

	if (rc == 0)
		rc = domain_list_open(&o->list, &failed);
	if (rc < 0)
		confine_fail(failed, rc);
	rc = domain_root_enter(o->run_dir, &o->list, &failed);
	if (rc < 0 || (rc == 0 && o->confined == CONFINED_OR_NOT_AT_ALL))
		confine_fail(failed, rc ? rc : -errno);
	if (rc == 0)
		log_warn("not confined: the domain sees the host's files, for want of a root directory of its"
			" own (%s)", strerror(errno));
	else
		enter_cgroup(o);
	domain_list_dispose(&o->list);
	if (cwd && chdir(cwd) < 0)
		log_debug("%s is not in the domain", cwd);
}

/* What was asked for and is not had. */
static void not_isolated(const struct options *o, const char *what, int rc)
{
	if (o->confined == CONFINED_OR_NOT_AT_ALL)
		die("not isolated: %s (%s)", what, strerror(-rc));
	log_warn("not isolated: %s (%s)", what, strerror(-rc));
}

static void isolate(const struct options *o)
{
	CLEANUP_FREE char *cwd = getcwd(NULL, 0);
	int rc = domain_ns_hide(o->run_dir, o->domain_dir);

	if (rc < 0)
		not_isolated(o, "the sockets of other domains are visible here, for want of private"
			" mounts", rc);
	rc = domain_ns_proc();
	if (rc < 0)
		not_isolated(o, "/proc still shows the host's processes", rc);
	leave_hidden(cwd, o->run_dir);
}

/* Root can have it all the same; what administers it would administer other things, too. */
static void network_without_seal(const struct options *o)
{
	int rc = o->network == NETWORK_ADMIN ? -EPERM : domain_ns_network();

	if (rc < 0)
		not_isolated(o, "its network is the host's", rc);
}

/* Pid 1 of the domain's namespace. @parent: a pipe that closes with the parent. */
static _Noreturn void first_process(struct options *o, int parent)
{
	struct pollfd p = { .fd = parent, .events = 0 };
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before it was asked for. */
	if (poll(&p, 1, 0) > 0)
		_exit(1);
	isolate(o);
	if (o->confined)
		confine(o);
	rc = domain_ns_seal(o->network != NETWORK_HOST);
	if (rc < 0 && o->confined == CONFINED_OR_NOT_AT_ALL && o->may_mount)
		die("--confined and --may-mount together need user namespaces: %s", strerror(-rc));
	if (rc < 0)
		log_info("a command with CAP_SYS_ADMIN can undo the isolation (user namespaces: %s)",
			strerror(-rc));
	if (rc < 0 && o->network != NETWORK_HOST)
		network_without_seal(o);
	domain_net_make(&o->net);
	domain_servers_make(&o->servers);
	domain_net_await(&o->net);
	exit(run_command(o, rc == 0));
}

static _Noreturn void run_isolated(struct options *o)
{
	int parent[2], status;
	pid_t pid;

	if (o->confined)
		domain_cgroup_make(&o->cgroup);
	if (pipe2(parent, O_CLOEXEC) < 0)
		die("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		close(parent[1]);
		first_process(o, parent[0]);
	}
	close(parent[0]);
	domain_net_leave(&o->net);
	domain_servers_leave(&o->servers);
	/*
	 * Its children go to a namespace whose pid 1 has ended: none can be made any more,
	 * which is what exit handlers of a sanitizer's runtime would try.
	 */
	status = supervise(pid);
	domain_cgroup_remove(&o->cgroup);
	_exit(status);
}

static _Noreturn void change(struct options *o)
{
	const char *failed = "";
	int rc = domain_into(o->into, &o->list, o->remove, o->nremove, &failed);

	if (rc < 0)
		log_err("%s%s%s", failed, *failed ? ": " : "", strerror(-rc));
	domain_list_dispose(&o->list);
	free(o->remove);
	/* This /proc is the domain's: exit handlers of a sanitizer's runtime would look for us in it. */
	_exit(rc < 0);
}

int main(int argc, char **argv)
{
	static struct options o = { .net = { .filled = -1 }, .servers = { .fd = -1 } };
	pid_t parent = getppid();
	int rc;

	log_init("sluice-domain-init");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		die("the toolstack is gone");
	parse_options(argc, argv, &o);
	if (o.into)
		change(&o);
	set_environment(&o);
	signals_block();
	rc = domain_ns_enter();
	if (rc < 0 && (o.net.nbridges || o.net.filled >= 0))
		die("the domain cannot have a network of its own: %s", strerror(-rc));
	if (rc == 0)
		run_isolated(&o);
	if (o.confined == CONFINED_OR_NOT_AT_ALL)
		die("the domain cannot be confined: no namespaces (%s)", strerror(-rc));
	log_warn("not isolated: the host's processes and the sockets of other domains are "
		 "visible, and what the command leaves running outlives it (namespaces: %s)",
		strerror(-rc));
	rc = run_command(&o, false);
	free(o.run_dir);
	free(o.domain_dir);
	return rc;
}
