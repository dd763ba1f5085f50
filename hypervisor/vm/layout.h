/* SPDX-License-Identifier: MIT */
/* A vm's physical address space: what the builder fills and the hypervisor maps. */
#ifndef SLUICE_HYPERVISOR_VM_LAYOUT_H
#define SLUICE_HYPERVISOR_VM_LAYOUT_H

#define VM_PAGE 4096ull
#define VM_MAX_VCPUS 64u

/*
 * RAM: from 0 up to VM_LOW_RAM_MAX, the rest from VM_HIGH_RAM up. The memfd holds the low
 * part, then the high part, then VM_SPECIAL_SIZE bytes for the special area.
 */
#define VM_MIN_RAM (16ull << 20)
#define VM_LOW_RAM_MAX 0xc0000000ull
#define VM_HIGH_RAM 0x100000000ull
#define VM_MAX_RAM (1ull << 40)

/* The special area: ring pages of the console and the store, then the ACPI tables. */
#define VM_SPECIAL_BASE 0xfc000000ull
#define VM_SPECIAL_SIZE 0x40000ull
#define VM_CONSOLE_GPA (VM_SPECIAL_BASE + 0 * VM_PAGE)
#define VM_STORE_GPA (VM_SPECIAL_BASE + 1 * VM_PAGE)
#define VM_ACPI_BASE (VM_SPECIAL_BASE + 0x10000ull)
#define VM_ACPI_SIZE 0x30000ull

#define VM_LAPIC_BASE 0xfee00000ull

/* I/O ports that mean something; reads of all others give ones, writes go nowhere. */
#define VM_SLEEP_CONTROL_PORT 0x604u /* ACPI sleep control register: SLP_EN (bit 5) with VM_S5_TYPE */
#define VM_SLEEP_STATUS_PORT 0x605u
#define VM_RESET_PORT 0x606u         /* ACPI reset register */
#define VM_RESET_VALUE 0x01u
#define VM_S5_TYPE 5u
/*
 * Channel 2 of a clock chip that is not there: reads give zeros. Linux measures its processor
 * by the high byte, and waits as long as that is 0xff: it read 100,000 times if all were ones.
 */
#define VM_PIT_CHANNEL2_PORT 0x42u
/* The port of OUT instructions that take the place of VMCALL and VMMCALL. Not one of
 * those that the architecture or a known guest gives a meaning. */
#define VM_HYPERCALL_PORT 0xe4u

#endif
