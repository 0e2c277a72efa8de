// SPDX-License-Identifier: Apache-2.0
/* Every sensor, in the order in which doctor and reports show them. */
#include "sensor/program.h"

extern const struct sensor sensor_calls, sensor_process, sensor_file, sensor_network,
	sensor_privilege, sensor_egress, sensor_handover, sensor_watch, sensor_channel,
	sensor_relay;

const struct sensor *const sensor_list[] = { &sensor_calls,
					     &sensor_process,
					     &sensor_file,
					     &sensor_network,
					     &sensor_privilege,
					     &sensor_egress,
					     &sensor_handover,
					     &sensor_watch,
					     &sensor_channel,
					     &sensor_relay,
					     NULL };
