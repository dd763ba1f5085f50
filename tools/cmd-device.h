/* SPDX-License-Identifier: MIT */
/* What the verbs of devices share: their arguments, and what the store has of a vm's devices. */
#ifndef SLUICE_TOOLS_CMD_DEVICE_H
#define SLUICE_TOOLS_CMD_DEVICE_H

#include <stdbool.h>

#include "tools/client.h"

/** struct device_args - the words of a verb's command line. */
struct device_args {
	bool force;
	bool keys;
	char **words;
	unsigned nwords;
};

/** DEVICE_FORCE, DEVICE_KEYS - the verb has the option --force, --keys. */
#define DEVICE_FORCE 1u
#define DEVICE_KEYS 2u

/**
 * device_parse_args() - @what: the verb's arguments, for --help, and @text.
 * Return: -1 to go on, else the exit status, said.
 */
int device_parse_args(int argc, char **argv, unsigned options, const char *what, const char *text,
	struct device_args *a);
/** device_too_few() - say what is missing. Return: the exit status. */
int device_too_few(const char *verb, const char *what);
/** device_join() - @words with commas between, malloc'ed: as for xl, parts may be words of their own. */
char *device_join(char **words, unsigned nwords);

/** struct device - a device's directories in the store. */
struct device {
	struct xs_handle *xs;
	const char *kind;
	unsigned number;
	char libxl[80];   /* the toolstack's own: guests write to the others */
	char frontend[80];
	char *backend;
};

typedef void (*device_fn)(struct device *d, const struct client_vm *vm);

/** device_each() - the vm's devices of @kind: "vbd", "vif". */
void device_each(struct xs_handle *xs, const struct client_vm *vm, const char *kind, device_fn fn);
/**
 * device_verb() - a verb with names of vms that shows something of each.
 * @text: for --help; @head: the first line, or NULL
 *
 * Return: the exit status.
 */
int device_verb(int argc, char **argv, const char *text, const char *head,
	void (*fn)(struct xs_handle *xs, const struct client_vm *vm));
/** device_read() - what a node has, without what a terminal would obey; malloc'ed, or NULL. */
char *device_read(struct device *d, const char *dir, const char *node);
/** device_backend_domid() - the domain that serves it. */
unsigned device_backend_domid(const struct device *d);
/** device_or_dash() - @text, or "-" for NULL. */
const char *device_or_dash(const char *text);

#endif
