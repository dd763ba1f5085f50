// SPDX-License-Identifier: MIT
/* sluice console: the terminal on one of a vm's consoles. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "tools/client.h"
#include "tools/console-client.h"
#include "xenstore/xsnode.h"

struct console_args {
	const char *name;
	unsigned number;
	struct console_client how;
};

static void usage(void)
{
	printf("Usage: sluice console [OPTION]... NAME\n"
	       "Connects this terminal to a console of a vm of yours, by its name or number.\n\n"
	       "  -n, --num=NUM      which console (default 0, the primary one)\n"
	       "  -r, --read-only    only look\n"
	       "  -f, --force        take the keyboard from whoever has it\n"
	       "  -e, --escape=KEY   the key that leaves: ^] (the default), another one, or none\n");
}

static int parse_number(const char *text, unsigned *number)
{
	uint64_t value;

	if (xsn_parse_u64(text, 65535, &value) < 0) {
		log_err("--num=%s is no console's number", text);
		return -EINVAL;
	}
	*number = (unsigned)value;
	return 0;
}

/* Return: 0, or -EINVAL, said. */
static int set_option(struct console_args *a, int option, const char *text)
{
	switch (option) {
	case 'n':
		return parse_number(text, &a->number);
	case 'r':
		a->how.read_only = true;
		return 0;
	case 'f':
		a->how.force = true;
		return 0;
	case 'e':
		if (console_client_escape(text, &a->how.escape) == 0)
			return 0;
		log_err("--escape=%s is no key: ^] and its like, one character, or none", text);
		return -EINVAL;
	default:
		log_err("this is no option of sluice console, or its value is missing; see sluice help console");
		return -EINVAL;
	}
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct console_args *a)
{
	static const struct option options[] = {
		{ "num", required_argument, NULL, 'n' }, { "read-only", no_argument, NULL, 'r' },
		{ "force", no_argument, NULL, 'f' }, { "escape", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "n:rfe:h", options, NULL)) != -1) {
		if (c == 'h') {
			usage();
			return 0;
		}
		if (set_option(a, c, optarg) < 0)
			return 1;
	}
	if (a->how.read_only && a->how.force) {
		log_err("--read-only needs no keyboard to --force");
		return 1;
	}
	if (argc - optind != 1 || !argv[optind][0]) {
		log_err("which vm? sluice console NAME; sluice list shows the names");
		return 1;
	}
	a->name = argv[optind];
	return -1;
}

static int run_primary(const struct client_vm *vm, const struct console_client *how)
{
	char reply[BOOT_MESSAGE_MAX];

	if (client_request(vm, "console", NULL, NULL, reply))
		return 1;
	reply[strcspn(reply, "\n")] = '\0';
	return console_client_run(reply, how);
}

/* Where its backend serves it: a socket, or a pty. */
static char *find_secondary(struct xs_handle *xs, const struct client_vm *vm, unsigned number)
{
	CLEANUP_FREE char *backend = NULL;
	char dir[64], *path;

	snprintf(dir, sizeof(dir), "/local/domain/%u/device/console/%u", vm->domid, number);
	backend = xsn_read(xs, XBT_NULL, dir, "backend");
	if (!backend) {
		log_err("%s has no console %u", vm->name, number);
		return NULL;
	}
	path = xsn_read(xs, XBT_NULL, backend, "socket");
	if (!path)
		path = xsn_read(xs, XBT_NULL, backend, "tty");
	if (!path)
		log_err("nobody serves console %u of %s (%s has neither socket nor tty)", number, vm->name,
			backend);
	return path;
}

static int run_secondary(const struct client_vm *vm, const struct console_args *a)
{
	struct xs_handle *xs = client_store(vm);
	CLEANUP_FREE char *path = xs ? find_secondary(xs, vm, a->number) : NULL;

	if (xs)
		xs_close(xs);
	return path ? console_client_run(path, &a->how) : 1;
}

int verb_console(int argc, char **argv)
{
	struct console_args a = { .how = console_client_default };
	int status = parse(argc, argv, &a);
	struct client_vm vm;

	if (status >= 0)
		return status;
	if (client_find(a.name, &vm) < 0)
		return 1;
	return a.number ? run_secondary(&vm, &a) : run_primary(&vm, &a.how);
}
