// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/histogram.h"

#include <math.h>

uint64_t histogram_value(unsigned bucket)
{
	unsigned shift, sub;

	if (bucket < HISTOGRAM_SUB)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	sub = bucket % HISTOGRAM_SUB;
	return ((uint64_t)(HISTOGRAM_SUB + sub) << shift) + ((1ull << shift) >> 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->sum_squares += (unsigned __int128)value * value;
	h->buckets[histogram_bucket(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->sum_squares += from->sum_squares;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}

double histogram_stddev(const struct histogram *h)
{
	long double n = h->count;

	if (h->count < 2)
		return 0;
	return sqrt((double)(((long double)h->sum_squares - (long double)h->sum * h->sum / n) / (n - 1)));
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	double exact = percent / 100 * (double)h->count;
	uint64_t want = (uint64_t)exact, seen = 0;
	uint64_t value = h->max;

	if (!h->count)
		return 0;
	if ((double)want < exact || want == 0)
		want++;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= want) {
			value = histogram_value(i);
			break;
		}
	}
	if (value < h->min)
		return h->min;
	return value > h->max ? h->max : value;
}

uint64_t histogram_between(const struct histogram *h, uint64_t from, uint64_t to)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t value = histogram_value(i);

		if (value >= from && value < to)
			n += h->buckets[i];
	}
	return n;
}
