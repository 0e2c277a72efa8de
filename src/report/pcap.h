/* SPDX-License-Identifier: Apache-2.0 */
/* What `weir pcap` says of a capture that was read to its end (src/capture). What is printed of it
 * was written by whoever sent the packets: it is escaped here. */
#ifndef WEIR_REPORT_PCAP_H
#define WEIR_REPORT_PCAP_H

#include <stdio.h>

#include "capture/capture.h"
#include "report/report.h"

struct pcap_file {
	const char *path;
	struct fail fail; /* code 0: it was read to its end */
};

struct pcap_report {
	const struct capture *capture;
	size_t file_count;
	const struct pcap_file *files;
};

/* What a capture cannot show, whatever it holds. */
extern const char *const pcap_limits[]; /* NULL-terminated */

int pcap_text(const struct pcap_report *r, const struct text_style *style, FILE *out,
	      struct fail *f);
int pcap_json(const struct pcap_report *r, FILE *out, struct fail *f);

#endif
