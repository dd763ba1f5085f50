// SPDX-License-Identifier: MIT
/* sluice create: guests from xl's configuration files. */
#include "config.h"
#include "tools/sluice.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "tools/cfg-keys.h"
#include "tools/cfg.h"
#include "tools/client.h"
#include "tools/console-client.h"

struct create_args {
	const char *files[BOOT_VMS];
	unsigned nfiles;
	char *extra;      /* assignments, a line each; or NULL */
	bool paused, console, dry_run, foreground, quiet;
};

static void usage(void)
{
	printf("Usage: sluice create [OPTION..] FILE.. [KEY=VALUE..]\n"
		"Creates a guest as a configuration file of xl says, see xl.cfg(5), and returns when it\n"
		"runs. KEY=VALUE are read after the file.\n\n"
		"  -c, --console     connect this terminal to its console; Ctrl-] leaves\n"
		"  -F, --foreground  in a private stack that ends with it, as sluice boot; takes several files\n"
		"  -f, --defconfig=FILE  the same as FILE\n"
		"  -h, --help\n"
		"      --keys        list what becomes of each key of xl.cfg(5)\n"
		"  -n, --dryrun      only print what sluice boot would be told\n"
		"  -p, --paused      leave it paused: sluice unpause starts it\n"
		"  -q, --quiet       print nothing but errors\n");
}

static void print_keys(void)
{
	for (unsigned i = 0; i < cfg_nkeys; i++) {
		const struct cfg_key *k = &cfg_keys[i];

		printf("%-34s%-9s%-10s%s\n", k->name, cfg_type_name(k->type), cfg_verdict_name(k->verdict),
			k->why ? k->why : "");
	}
}

/* --- the command line -------------------------------------------------- */

static int add_word(struct create_args *a, const char *word)
{
	char *more;

	if (!strchr(word, '=') || word[0] == '/') {
		if (a->nfiles == BOOT_VMS) {
			log_err("at most %u files", BOOT_VMS);
			return -E2BIG;
		}
		a->files[a->nfiles++] = word;
		return 0;
	}
	if (asprintf(&more, "%s%s\n", a->extra ? a->extra : "", word) < 0)
		return -ENOMEM;
	free(a->extra);
	a->extra = more;
	return 0;
}

static int set_flag(struct create_args *a, int c)
{
	switch (c) {
	case 'c':
		a->console = true;
		return 0;
	case 'F':
		a->foreground = true;
		return 0;
	case 'f':
		return add_word(a, optarg);
	case 'n':
		a->dry_run = true;
		return 0;
	case 'p':
		a->paused = true;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct create_args *a)
{
	static const struct option options[] = {
		{ "console", no_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'F' },
		{ "defconfig", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
		{ "keys", no_argument, NULL, 'k' }, { "dryrun", no_argument, NULL, 'n' },
		{ "paused", no_argument, NULL, 'p' }, { "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":cFf:hnpq", options, NULL)) != -1) {
		if (c == 'h' || c == 'k') {
			(c == 'h' ? usage : print_keys)();
			return 0;
		}
		if (set_flag(a, c) < 0) {
			log_err("%s is no option of sluice create; sluice help create lists them",
				argv[optind - 1]);
			return 1;
		}
	}
	while (optind < argc)
		if (add_word(a, argv[optind++]) < 0)
			return 1;
	if (!a->nfiles || (a->nfiles > 1 && !a->foreground)) {
		log_err("%s: sluice create FILE", a->nfiles ? "one file at a time, unless with --foreground" :
			"which configuration file?");
		return 1;
	}
	return -1;
}

/* --- what is created --------------------------------------------------- */

static int read_files(const struct create_args *a, struct arg_list *args)
{
	arg_list_add(args, "create");
	for (unsigned i = 0; i < a->nfiles; i++) {
		int error = cfg_read(a->files[i], a->extra, args);

		if (error < 0)
			return error;
		if (a->paused)
			arg_list_add(args, "--paused");
	}
	if (!args->failed)
		return 0;
	log_err("out of memory");
	return -ENOMEM;
}

/* As a shell reads it. */
static void print_quoted(const char *word)
{
	if (!word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:+-")]) {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word; word++)
		*word == '\'' ? fputs("'\\''", stdout) : putchar(*word);
	putchar('\'');
}

static void print_args(const struct arg_list *args)
{
	printf("sluice boot");
	for (unsigned i = 1; i < args->argc; i++) {
		putchar(' ');
		print_quoted(args->argv[i]);
	}
	putchar('\n');
}

/* Before a stack hears of it. The parser changes what it reads. */
static int check(const struct arg_list *args)
{
	struct boot_options *o = calloc(1, sizeof(*o));
	struct arg_list copy = { .argc = 0 };
	int status = 1;

	for (unsigned i = 0; i < args->argc; i++)
		arg_list_add(&copy, "%s", args->argv[i]);
	if (o && !copy.failed)
		status = boot_parse((int)copy.argc, copy.argv, true, o);
	arg_list_free(&copy);
	free(o);
	return status < 0 ? 0 : -EINVAL;
}

static int run_here(struct arg_list *args)
{
	struct boot_options *o = calloc(1, sizeof(*o));
	int status = o ? boot_parse((int)args->argc, args->argv, false, o) : 1;

	if (status < 0)
		status = boot_run(o);
	free(o);
	return status;
}

/* A stack may end between our finding it and its hearing us: then there is a new one. */
static int ask_stack(const struct arg_list *args, char *dir, size_t room, char *reply)
{
	enum boot_answer answer = BOOT_ABSENT;

	for (unsigned i = 0; i < 3 && answer == BOOT_ABSENT; i++) {
		if (client_stack_start(dir, room) < 0)
			return -EIO;
		answer = client_ask(dir, (const char *const *)args->argv, reply);
	}
	if (answer == BOOT_OK)
		return 0;
	if (answer == BOOT_REFUSED)
		log_err("%s", reply);
	else
		log_err("the stack for your vms, in %s, does not answer", dir);
	return -EIO;
}

static int connect_console(const char *name)
{
	char reply[BOOT_MESSAGE_MAX];
	struct client_vm vm;

	if (client_find(name, &vm) < 0 || client_request(&vm, "console", NULL, NULL, reply))
		return 1;
	reply[strcspn(reply, "\n")] = '\0';
	return console_client_run(reply, NULL);
}

static int run_there(const struct create_args *a, const struct arg_list *args)
{
	char dir[108], reply[BOOT_MESSAGE_MAX];
	const char *name = strchr(args->argv[1], '=') + 1;

	if (check(args) < 0 || ask_stack(args, dir, sizeof(dir), reply) < 0)
		return 1;
	reply[strcspn(reply, "\n")] = '\0';
	if (!a->quiet && !a->console)
		printf("%s is domain %s%s\n", name, reply, a->paused ? ", paused" : "");
	return a->console ? connect_console(name) : 0;
}

int verb_create(int argc, char **argv)
{
	struct create_args a = { .nfiles = 0 };
	struct arg_list args = { .argc = 0 };
	int status = parse(argc, argv, &a);

	if (status < 0 && read_files(&a, &args) < 0)
		status = 1;
	if (status < 0 && a.dry_run) {
		status = check(&args) < 0;
		if (status == 0)
			print_args(&args);
	}
	if (status < 0)
		status = a.foreground ? run_here(&args) : run_there(&a, &args);
	arg_list_free(&args);
	free(a.extra);
	return status;
}
