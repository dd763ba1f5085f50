// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/perms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char perm_letters[] = { 'n', 'r', 'w', 'b' };

unsigned perms_access(const struct perm *perms, unsigned count, uint32_t domid,
	uint32_t target)
{
	const unsigned all = XS_PERM_READ | XS_PERM_WRITE | XS_PERM_OWNER;

	if (domid == 0 || count == 0)
		return domid == 0 ? all : XS_PERM_NONE;
	if (perms[0].domid == domid || perms[0].domid == target)
		return all;
	for (unsigned i = 1; i < count; i++)
		if (perms[i].domid == domid || perms[i].domid == target)
			return perms[i].access;
	return perms[0].access;
}

/* One NUL-terminated entry. */
static int perm_parse(const char *text, struct perm *perm)
{
	const char *letter = memchr(perm_letters, text[0], sizeof(perm_letters));
	uint32_t domid = 0;

	if (!letter || !text[1])
		return -EINVAL;
	for (const char *p = text + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		domid = domid * 10 + (*p - '0');
		if (domid >= STORE_DOMIDS)
			return -EINVAL;
	}
	perm->domid = domid;
	perm->access = letter - perm_letters;
	return 0;
}

int perms_parse(const char *text, size_t len, struct perm **perms)
{
	CLEANUP_FREE struct perm *list = NULL;
	unsigned count = 0, i = 0;

	if (len == 0 || text[len - 1] != '\0')
		return -EINVAL;
	for (size_t at = 0; at < len; at++)
		count += text[at] == '\0';
	list = calloc(count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		int rc = perm_parse(text + at, &list[i++]);

		if (rc < 0)
			return rc;
	}
	*perms = list;
	list = NULL;
	return count;
}

size_t perm_format(const struct perm *perm, char text[PERM_TEXT_SIZE])
{
	return snprintf(text, PERM_TEXT_SIZE, "%c%u", perm_letters[perm->access & 3],
		perm->domid & 0xffff) + 1;
}
