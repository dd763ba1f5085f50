/* SPDX-License-Identifier: MIT */
/* Pages of other domains in a vm's memory: GNTTABOP_map_grant_ref and its opposite. */
#ifndef SLUICE_HYPERVISOR_VM_HC_GRANT_H
#define SLUICE_HYPERVISOR_VM_HC_GRANT_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

struct vm;

/**
 * vm_grant_map() - show a granted page at the guest frame that @op names.
 * Any of the vm's vCPUs; no lock held. Fills @op's outputs. Return: a GNTST_* status.
 */
int vm_grant_map(struct vm *vm, struct gnttab_map_grant_ref *op);
/** vm_grant_unmap() - the opposite; -"-. The frame shows what was there before, or nothing. */
int vm_grant_unmap(struct vm *vm, const struct gnttab_unmap_grant_ref *op);
/** vm_grant_self_status() - may the vm ask about the table of @domid? GNTST_okay: it is its own. */
int vm_grant_self_status(struct vm *vm, uint32_t domid);

#endif
