/* SPDX-License-Identifier: MIT */
/* A configuration file that is being read; see cfg.h. */
#ifndef SLUICE_TOOLS_CFG_PRIVATE_H
#define SLUICE_TOOLS_CFG_PRIVATE_H

#include <stddef.h>

#include <libxlutil.h>

#include "common/cleanup.h"
#include "tools/cfg-scan.h"
#include "tools/cfg.h"

#define CFG_KEYS_MAX 256u

/** struct set_key - a key that the file sets; the last time counts. */
struct set_key {
	char name[CFG_SCAN_NAME_MAX];
	unsigned line;
};

struct cfg {
	const char *path;
	char *text;
	size_t length;
	unsigned lines;  /* of the file: what is beyond came from the command line */
	XLU_Config *x;
	struct set_key keys[CFG_KEYS_MAX];
	unsigned nkeys;
	struct arg_list *args;
	unsigned nservers, nports; /* of a process domain */
};

/** cfg_fail() - say what is wrong in @line (0: nowhere in particular). */
void cfg_fail(const struct cfg *c, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** cfg_find_set() - NULL: the file does not set it. */
struct set_key *cfg_find_set(struct cfg *c, const char *name);
/** cfg_line_of() - the line that sets it, 0: none. */
unsigned cfg_line_of(struct cfg *c, const char *name);
/** cfg_list_length() - of the list that @name is; -1: it is none. */
int cfg_list_length(const struct cfg *c, const char *name, XLU_ConfigList **list);
/** cfg_want_string() - the value of a key that is a string; NULL in *@value: it is not there. */
int cfg_want_string(struct cfg *c, const char *name, const char **value) must_check;
/** cfg_want_number() - *@value stays as it is when the key is not there. 0 or -errno, said. */
int cfg_want_number(struct cfg *c, const char *name, long min, long max, long *value) must_check;
/** cfg_want_name() - the domain's. 0 or -errno, said. */
int cfg_want_name(struct cfg *c, const char **name) must_check;
/** cfg_put_uuid() - if there is one. 0 or -errno, said. */
int cfg_put_uuid(struct cfg *c) must_check;

/* cfg-net.c */

/** cfg_put_vifs() - the network interfaces. 0 or -errno, said. */
int cfg_put_vifs(struct cfg *c) must_check;

/* cfg-process.c */

/** cfg_process_has() - whether @name is a key of process domains alone. */
bool cfg_process_has(const char *name);
/** cfg_process() - what a file with type="process" stands for. 0 or -errno, said. */
int cfg_process(struct cfg *c) must_check;

#endif
