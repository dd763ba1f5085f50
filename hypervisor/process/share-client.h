/* SPDX-License-Identifier: MIT */
/*
 * Granting memory, as xengntshr does it and with what its interface cannot say: a
 * wanted grant reference. The reserved ones are a domain's store and console rings.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_SHARE_CLIENT_H
#define SLUICE_HYPERVISOR_PROCESS_SHARE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct hvshare - what to share, and what came of it. */
struct hvshare {
	uint32_t domid;     /* in: to whom */
	uint32_t pages;     /* in */
	bool writable;      /* in: may it write? */
	uint32_t first_ref; /* in: 0, or 1 to 7: these and the following are wanted */
	void *addr;         /* out: mapped for reading and writing */
	uint32_t id;        /* out */
};

/**
 * hvshare_make() - make memory, map it here and grant it.
 * @fd: a connection, see hvclient_open(); the share ends with it
 * @refs: receives @s->pages grant references
 *
 * Return: 0 or -errno: -EINVAL, -ENOSPC (a quota), -EACCES (the connection is
 * restricted), -EBUSY (a wanted reference is in use). On failure nothing is left.
 */
int hvshare_make(int fd, struct hvshare *s, uint32_t *refs) must_check;
/**
 * hvshare_end() - unmap @count pages from @page on and stop granting them; when none is
 * left the share is gone. 0, -EINVAL: some were ended before, nothing was done, or -ENODEV:
 * the hypervisor is gone, and with it the grants; they are unmapped.
 */
int hvshare_end(int fd, const struct hvshare *s, uint32_t page, uint32_t count);
/** hvshare_notify() - see xengntshr_share_page_notify(); @action of wire_notify_action. */
int hvshare_notify(int fd, const struct hvshare *s, uint32_t action, uint32_t offset,
	uint32_t port) must_check;

#endif
