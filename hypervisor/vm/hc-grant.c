// SPDX-License-Identifier: MIT
/* grant_table_op for vms. */
#include "config.h"

#include <stdint.h>

#include <xen/xen.h>

#include "hypervisor/vm/vm.h"

int64_t hc_grant(struct vcpu *v, uint32_t cmd, uint64_t arg, uint32_t count)
{
	return hypercall_unknown(v, __HYPERVISOR_grant_table_op, cmd);
}
