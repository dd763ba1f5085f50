/* SPDX-License-Identifier: MIT */
/* The keys of xl.cfg(5), and what Sluice does with each. Pure. */
#ifndef SLUICE_TOOLS_CFG_KEYS_H
#define SLUICE_TOOLS_CFG_KEYS_H

#include <stdbool.h>

/** enum cfg_type - what a key's value is. */
enum cfg_type { CFG_STRING, CFG_NUMBER, CFG_BOOLEAN, CFG_LIST, CFG_ANY };

/** enum cfg_verdict - what becomes of it. */
enum cfg_verdict {
	CFG_HONOURED,
	CFG_IGNORED, /* with a warning */
	CFG_REFUSED, /* unless it is switched off: 0, "" or [ ] */
};

/** struct cfg_key - a key. */
struct cfg_key {
	const char *name;
	enum cfg_type type;
	enum cfg_verdict verdict;
	const char *why;  /* for those that are not honoured: the reason, and the remedy */
	const char *fine; /* values between blanks that ask for what is there anyway; or NULL */
};

extern const struct cfg_key cfg_keys[];
extern const unsigned cfg_nkeys;

/** cfg_key_find() - NULL: xl.cfg(5) has no such key. */
const struct cfg_key *cfg_key_find(const char *name);
/** cfg_key_is_fine() - whether @value, of any type as text, needs no word about @key. */
bool cfg_key_is_fine(const struct cfg_key *key, const char *value);
/** cfg_type_name(), cfg_verdict_name() - as words. */
const char *cfg_type_name(enum cfg_type type);
const char *cfg_verdict_name(enum cfg_verdict verdict);

#endif
