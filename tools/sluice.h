/* SPDX-License-Identifier: MIT */
/* The verbs of sluice(1). */
#ifndef SLUICE_TOOLS_SLUICE_H
#define SLUICE_TOOLS_SLUICE_H

/** struct verb - a subcommand; argv[0] is its name, the return value the exit status. */
struct verb {
	const char *name;
	const char *synopsis;
	const char *text;
	int (*run)(int argc, char **argv);
};

int verb_backend_upgrade(int argc, char **argv);
int verb_block_attach(int argc, char **argv);
int verb_block_detach(int argc, char **argv);
int verb_block_list(int argc, char **argv);
int verb_boot(int argc, char **argv);
int verb_create(int argc, char **argv);
int verb_console(int argc, char **argv);
/** verb_control() - pause and unpause, by argv[0]. */
int verb_control(int argc, char **argv);
int verb_dmesg(int argc, char **argv);
/** verb_domid() - domid and domname, by argv[0]. */
int verb_domid(int argc, char **argv);
int verb_features(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_vcpu_list(int argc, char **argv);
int verb_vcpu_set(int argc, char **argv);
int verb_exec(int argc, char **argv);
int verb_stack(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_metrics(int argc, char **argv);
int verb_network_attach(int argc, char **argv);
int verb_network_detach(int argc, char **argv);
int verb_network_list(int argc, char **argv);
/** verb_shutdown() - shutdown, reboot and destroy, by argv[0]. */
int verb_shutdown(int argc, char **argv);
int verb_top(int argc, char **argv);

#endif
