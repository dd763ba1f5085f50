/* SPDX-License-Identifier: MIT */
/* Who may do what with a node. Pure. */
#ifndef SLUICE_HYPERVISOR_STORE_PERMS_H
#define SLUICE_HYPERVISOR_STORE_PERMS_H

#include <stddef.h>
#include <stdint.h>

#include <xenstore_lib.h>

#include "common/cleanup.h"

/** STORE_DOMIDS - real domains are below this (DOMID_FIRST_RESERVED of xen.h). */
#define STORE_DOMIDS 0x7ff0u
/** STORE_NO_DOMID - names no domain. */
#define STORE_NO_DOMID 0xffffffffu

/**
 * struct perm - one entry of a node's list
 *
 * The first entry names the owner and what domains without an entry may do;
 * each later one names a domain and what it may do.
 */
struct perm {
	uint32_t domid;
	uint32_t access; /* XS_PERM_READ | XS_PERM_WRITE */
};

/**
 * perms_access() - what a domain may do.
 * @domid: the domain; 0 may do everything
 * @target: a domain whose rights it has as well, or STORE_NO_DOMID
 *
 * Return: XS_PERM_READ, _WRITE and _OWNER, or-ed.
 */
unsigned perms_access(const struct perm *perms, unsigned count, uint32_t domid,
	uint32_t target);

/**
 * perms_parse() - decode the wire's "n0\0r5\0...".
 * @perms: malloc'ed array, the caller's
 *
 * Return: the number of entries, at least 1; -EINVAL for anything malformed, -ENOMEM.
 */
int perms_parse(const char *text, size_t len, struct perm **perms) must_check;

/** PERM_TEXT_SIZE - room for one entry as text with its NUL. */
#define PERM_TEXT_SIZE 12
/** perm_format() - one entry as on the wire; returns its length with the NUL. */
size_t perm_format(const struct perm *perm, char text[PERM_TEXT_SIZE]);

#endif
