/* SPDX-License-Identifier: MIT */
/* Names of iSCSI storage, taken apart. Pure; knows no library. */
#ifndef SLUICE_BACKENDS_BLK_ISCSI_URI_H
#define SLUICE_BACKENDS_BLK_ISCSI_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define ISCSI_URI_NAME 224u /* RFC 7143, 4.2.7.1: names have up to 223 bytes */
#define ISCSI_URI_HOST 254u
#define ISCSI_URI_PATH 256u

/** struct iscsi_uri - iscsi://HOST[:PORT]/TARGET/LUN[?OPTION=VALUE[&..]] */
struct iscsi_uri {
	char host[ISCSI_URI_HOST];        /* without brackets */
	uint16_t port;                    /* 3260 when none is named */
	char target[ISCSI_URI_NAME];      /* %XX decoded */
	unsigned lun;                     /* 0 to 16383 */
	char credentials[ISCSI_URI_PATH]; /* a name or an absolute path; "": no CHAP */
	char initiator[ISCSI_URI_NAME];   /* "": the machine's */
	unsigned connect_s;               /* that the attach may take, at most */
	unsigned timeout_s;               /* that a request waits for a server that is away, at most */
	bool reserve;                     /* by a persistent reservation, against other machines */
};

/**
 * iscsi_uri_parse() - take @text apart; it is checked as if a stranger wrote it.
 * @why: one line that names the offending part and the remedy; of a text that may have a password
 * in it, nothing of it
 *
 * Return: 0 or -EINVAL.
 */
int iscsi_uri_parse(const char *text, struct iscsi_uri *uri, char *why, size_t room) must_check;

/** iscsi_name_is_valid() - what an initiator or a target may be called. */
bool iscsi_name_is_valid(const char *name);

#endif
