/* SPDX-License-Identifier: MIT */
/* The timers of a vCPU, as vcpu_op has them. */
#ifndef SLUICE_HYPERVISOR_VM_HC_TIMER_H
#define SLUICE_HYPERVISOR_VM_HC_TIMER_H

#include <stdint.h>

struct vcpu;

/** timer_vcpu_op() - VCPUOP_{set,stop}_{periodic,singleshot}_timer for @v, called by @self. */
int64_t timer_vcpu_op(struct vcpu *self, struct vcpu *v, uint32_t cmd, uint64_t arg);

#endif
