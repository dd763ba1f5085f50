/* SPDX-License-Identifier: MIT */
/* Metrics in Prometheus's text format, version 0.0.4. Pure. */
#ifndef SLUICE_TOOLS_METRICS_TEXT_H
#define SLUICE_TOOLS_METRICS_TEXT_H

#include <stdio.h>

#include "tools/metrics-find.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#define METRICS_FEATURES 8u
/** metrics_feature_names - of the bits METRICS_FEATURE_. */
extern const char *const metrics_feature_names[METRICS_FEATURES];

/** metrics_text() - all families with their HELP and TYPE, each sample once. */
void metrics_text(const struct metrics_list *list, FILE *to);
/** metrics_text_net() - the families of network interfaces; metrics_text() has called it. */
void metrics_text_net(const struct metrics_list *list, FILE *to);
/** metrics_text_device() - the labels that say which device, without the closing brace. */
void metrics_text_device(const struct metrics_device *d, FILE *to);
/** metrics_net_feature_names - of the bits METRICS_NET_FEATURE_. */
extern const char *const metrics_net_feature_names[METRICS_FEATURES];
/** metrics_text_label() - a label's value, quoted and escaped. */
void metrics_text_label(const char *value, FILE *to);

#endif
