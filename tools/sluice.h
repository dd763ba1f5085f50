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

int verb_boot(int argc, char **argv);
int verb_create(int argc, char **argv);
int verb_console(int argc, char **argv);
/** verb_control() - pause, unpause and reboot, by argv[0]. */
int verb_control(int argc, char **argv);
int verb_exec(int argc, char **argv);
int verb_stack(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_metrics(int argc, char **argv);
/** verb_shutdown() - shutdown and destroy, by argv[0]. */
int verb_shutdown(int argc, char **argv);
int verb_top(int argc, char **argv);

#endif
