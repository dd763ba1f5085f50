/* SPDX-License-Identifier: MIT */
/* The fewest ACPI tables with which a stock kernel finds its CPUs and powers off. */
#ifndef SLUICE_HYPERVISOR_BUILD_ACPI_H
#define SLUICE_HYPERVISOR_BUILD_ACPI_H

#include <stddef.h>
#include <stdint.h>

/** Enough for all tables with VM_MAX_VCPUS processors. */
#define ACPI_ROOM 4096u

/**
 * acpi_write() - write RSDP, XSDT, FADT, DSDT and MADT.
 * @to: ACPI_ROOM bytes, zeroed, which the guest sees at @gpa
 * @max_vcpus: 1 to VM_MAX_VCPUS
 *
 * All processors are marked enabled, whatever the guest begins with: Linux brings up a processor
 * that was disabled here only by ACPI's hotplug, which needs an interrupt controller; as on Xen
 * the store's cpu/N/availability takes those offline that are too many.
 *
 * Return: guest physical address of the RSDP.
 */
uint64_t acpi_write(uint8_t *to, uint64_t gpa, unsigned max_vcpus);

#endif
