/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays a file and says every tenth of a second where it is, until it is killed: for silence.py.      silence-test CLIP */
#include "core/media/sac-player.h"

static gboolean
tell(gpointer player)
{
  g_print("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", g_get_monotonic_time(), sac_player_get_position(player));
  return G_SOURCE_CONTINUE;
}

static void
on_error(SacPlayer *player, const GError *error, gpointer data)
{
  g_error("%s", error->message);
}

int
main(int count, char **arguments)
{
  GMainLoop *loop = g_main_loop_new(NULL, FALSE);

  if (count != 2)
    return 2;
  SacPlayer *player = sac_player_new();
  g_signal_connect(player, "error", G_CALLBACK(on_error), NULL);
  sac_player_open(player, arguments[1]);
  sac_player_play(player);
  g_timeout_add(100, tell, player);
  g_main_loop_run(loop);
  return 0;
}
