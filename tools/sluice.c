// SPDX-License-Identifier: MIT
/* sluice(1): the toolstack's command. */
#include "config.h"
#include "tools/sluice.h"

#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"

static int verb_help(int argc, char **argv);
static int verb_version(int argc, char **argv);

static const struct verb verbs[] = {
	{ "backend-upgrade", "[OPTION..] [NAME [DEVICE]]", "replace running backends with the installed builds",
		verb_backend_upgrade },
	{ "block-attach", "NAME DISK", "give a running vm a disk", verb_block_attach },
	{ "block-detach", "[--force] NAME DEVICE", "take a disk from a running vm", verb_block_detach },
	{ "block-list", "NAME..", "show the disks of vms", verb_block_list },
	{ "boot", "--kernel=FILE [--initrd=FILE] [--append=TEXT] [--disk=FILE[,OPTION]..].. [OPTION..]",
		"boot a guest in a virtual machine of a private stack", verb_boot },
	{ "console", "[OPTION]... NAME", "connect this terminal to a vm's console", verb_console },
	{ "create", "[OPTION..] FILE.. [KEY=VALUE..]", "create a guest from a configuration file of xl",
		verb_create },
	{ "destroy", "[--wait] [--force] NAME", "end a vm at once", verb_shutdown },
	{ "dmesg", "", "show what the parts of your stack said", verb_dmesg },
	{ "domid", "NAME", "show the number of a vm", verb_domid },
	{ "domname", "ID", "show the name of a vm", verb_domid },
	{ "exec", "[--disk=FILE[,OPTION]..].. [--] COMMAND [ARGUMENT..]",
		"run a command in a guest domain of a private stack", verb_exec },
	{ "features", "NAME..", "show what devices' backends and guests agreed on", verb_features },
	{ "help", "[VERB]", "show the verbs, or one verb's options", verb_help },
	{ "info", "", "show the host", verb_info },
	{ "list", "[--long] [NAME]", "show the vms that run", verb_list },
	{ "metrics", "[--once|--socket=PATH|--listen=127.0.0.1:PORT] [--run-dir=DIR]",
		"what backends count, for Prometheus", verb_metrics },
	{ "network-attach", "[--keys] NAME [KEY=VALUE[,..]]..", "give a running vm a network interface",
		verb_network_attach },
	{ "network-detach", "[--force] NAME DEVID|MAC", "take a network interface from a running vm",
		verb_network_detach },
	{ "network-list", "NAME..", "show the network interfaces of vms", verb_network_list },
	{ "pause", "NAME", "stop a vm's virtual CPUs", verb_control },
	{ "reboot", "[--all] NAME", "ask a vm to reboot", verb_shutdown },
	{ "shutdown", "[--wait] NAME", "ask a vm to power off", verb_shutdown },
	{ "stack", "--ready-fd=N", NULL, verb_stack },
	{ "top", "[--interval=SECONDS] [--batch [--iterations=N] [--output-format=json]] [--run-dir=DIR]",
		"what disks and networks are doing", verb_top },
	{ "unpause", "NAME", "let a paused vm go on", verb_control },
	{ "vcpu-list", "[NAME..]", "show the virtual CPUs of vms", verb_vcpu_list },
	{ "vcpu-set", "NAME COUNT", "tell a guest how many virtual CPUs to use", verb_vcpu_set },
	{ "version", "", "show the version", verb_version },
};

static void print_verbs(FILE *to)
{
	fprintf(to, "Usage: sluice VERB [OPTION..]\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].text)
			fprintf(to, "  %-14s %s\n", verbs[i].name, verbs[i].text);
	fprintf(to, "\nsluice help VERB tells more; see also sluice(1).\n");
}

static const struct verb *find_verb(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	log_err("there is no verb %s; sluice help lists them", name);
	return NULL;
}

static int verb_help(int argc, char **argv)
{
	const struct verb *verb;
	char *help[] = { argc > 1 ? argv[1] : NULL, (char *)"--help", NULL };

	if (argc < 2) {
		print_verbs(stdout);
		return 0;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return 1;
	if (verb->run == verb_help || verb->run == verb_version) {
		printf("Usage: sluice %s %s\n%s\n", verb->name, verb->synopsis, verb->text);
		return 0;
	}
	return verb->run(2, help);
}

static int verb_version(int argc, char **argv)
{
	printf("sluice %s\n", PACKAGE_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	log_init("sluice");
	if (argc < 2) {
		print_verbs(stderr);
		return 1;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		argv[1] = (char *)"help";
	else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		argv[1] = (char *)"version";
	verb = find_verb(argv[1]);
	return verb ? verb->run(argc - 1, argv + 1) : 1;
}
