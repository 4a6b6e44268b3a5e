/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Measures the longest stretch in which the main loop was busy with one round of sources, which is how long a click may wait.
 * Where $SACCADE_STALL_LOG names a file, the longest so far, in milliseconds, is appended to it as a line on SIGUSR1, after which measuring
 * begins anew, and at the end. Otherwise it does nothing. Call both on the main thread.
 */
void sac_stall_watch_start(void);
void sac_stall_watch_stop(void);
