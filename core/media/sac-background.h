/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The calling thread, and those that it will make, give way to everything else from now on: what it makes can wait, what the user does cannot. */
void sac_background_begin(void);
