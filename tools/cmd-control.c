// SPDX-License-Identifier: MIT
/* sluice list, pause, unpause, shutdown, reboot, destroy: what runs in the user's stacks. */
#include "config.h"
#include "tools/sluice.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "tools/client.h"

/* --- list -------------------------------------------------------------- */

struct list {
	bool json;
	unsigned shown;
};

static void show_json(const struct client_vm *vm, struct list *list)
{
	/* None of the strings has a character that would need quoting. */
	printf("%s\n  {\"domid\": %u, \"name\": \"%s\", \"uuid\": \"%s\", \"type\": \"%s\", \"memory_mib\": %u,"
		" \"vcpus\": %u, \"state\": \"%s\", \"cpu_seconds\": %.3f, \"driver_domain\": %s, \"stack\": \"%s\"}",
		list->shown ? "," : "", vm->domid, vm->name, vm->uuid, vm->type, vm->memory_mib, vm->vcpus, vm->state,
		(double)vm->cpu_ns / 1e9, vm->driver ? "true" : "false", strrchr(vm->dir, '/') + 1);
}

static void show_vm(const struct client_vm *vm, void *opaque)
{
	struct list *list = opaque;

	if (list->json)
		show_json(vm, list);
	else
		printf("%-24s %5u %6u %5u  %-8s %8.1f\n", vm->name, vm->domid, vm->memory_mib, vm->vcpus,
			vm->state, (double)vm->cpu_ns / 1e9);
	list->shown++;
}

static int list_vms(struct list *list, const char *name)
{
	struct client_vm vm;
	int error = 0;

	if (name && client_find(name, &vm) < 0)
		return 1;
	if (list->json)
		printf("[");
	else
		printf("%-24s %5s %6s %5s  %-8s %8s\n", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
	if (name)
		show_vm(&vm, list);
	else
		error = client_each(show_vm, list);
	if (list->json)
		printf("%s]\n", list->shown ? "\n" : "");
	return error < 0;
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "long", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct list list = { .shown = 0 };
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "lh", options, NULL)) != -1) {
		if (c == 'h') {
			printf("Usage: sluice list [--long] [NAME]\nShows your vms and driver domains.\n\n  -l, --long  as JSON\n");
			return 0;
		}
		if (c != 'l') {
			log_err("%s is no option of sluice list", argv[optind - 1]);
			return 1;
		}
		list.json = true;
	}
	if (argc - optind > 1) {
		log_err("one name, or none: sluice list [NAME]");
		return 1;
	}
	return list_vms(&list, argv[optind]);
}

/* --- verbs for one vm -------------------------------------------------- */

struct control_args {
	const char *name;
	bool can_wait, can_force;
	bool wait, all, force;
};

static void usage(const char *verb, bool can_wait, bool can_force)
{
	printf("Usage: sluice %s %s%sNAME\nActs on a vm or driver domain of yours, by its name or number.\n", verb,
		can_wait ? "[--wait] [--all] " : "", can_force ? "[--force] " : "");
	if (can_force)
		printf("\n  -f, --force a driver domain that serves guests, too");
	if (can_wait)
		printf("\n  -a, --all   on all that are no driver domains\n  -w, --wait  until it is gone\n");
}

static int set_flag(struct control_args *args, int c)
{
	if (c == 'f' ? !args->can_force : !args->can_wait || (c != 'w' && c != 'a'))
		return -1;
	args->force |= c == 'f';
	args->wait |= c == 'w';
	args->all |= c == 'a';
	return 0;
}

/* Return: -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct control_args *args)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "force", no_argument, NULL, 'f' },
		{ "wait", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "afhw", options, NULL)) != -1) {
		if (c == 'h') {
			usage(argv[0], args->can_wait, args->can_force);
			return 0;
		}
		if (set_flag(args, c) < 0) {
			log_err("%s is no option of sluice %s", argv[optind - 1], argv[0]);
			return 1;
		}
	}
	if (argc - optind != !args->all || (!args->all && !argv[optind][0])) {
		log_err("which vm? sluice %s NAME; sluice list shows the names", argv[0]);
		return 1;
	}
	args->name = argv[optind];
	return -1;
}

static void await_gone(const struct client_vm *vm)
{
	struct timespec pause = { .tv_nsec = 100000000 };

	while (!client_is_gone(vm))
		nanosleep(&pause, NULL);
}

struct all {
	struct client_vm vms[256];
	unsigned nvms;
};

static void collect(const struct client_vm *vm, void *opaque)
{
	struct all *all = opaque;

	if (!vm->driver && all->nvms < sizeof(all->vms) / sizeof(all->vms[0]))
		all->vms[all->nvms++] = *vm;
}

/* All are asked before any is waited for. */
static int act_on(const char *verb, const struct client_vm *vms, unsigned count,
	const struct control_args *args)
{
	int status = 0;

	for (unsigned i = 0; i < count; i++)
		status |= client_request(&vms[i], verb, args->force ? "force" : NULL, NULL, NULL);
	for (unsigned i = 0; i < count && args->wait && status == 0; i++)
		await_gone(&vms[i]);
	return status;
}

static int simple_verb(int argc, char **argv, bool can_wait)
{
	struct control_args args = { .can_wait = can_wait, .can_force = strcmp(argv[0], "destroy") == 0 };
	struct all all = { .nvms = 0 };
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	if (!args.all && client_find(args.name, &all.vms[0]) < 0)
		return 1;
	all.nvms = !args.all;
	status = args.all && client_each(collect, &all) < 0;
	return act_on(argv[0], all.vms, all.nvms, &args) | status;
}

int verb_control(int argc, char **argv)
{
	return simple_verb(argc, argv, false);
}

int verb_shutdown(int argc, char **argv)
{
	return simple_verb(argc, argv, true);
}
