/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-device.h"

#include <glib/gi18n.h>

#include "core/sac-error.h"

#define MAX_DEVICES 64 /* as many as there are bits */

char *
sac_device_dup_cache_directory(void)
{
  return g_build_filename(g_get_user_cache_dir(), "saccade", NULL);
}

static gboolean
open_index(SacDevice *device, int index, GError **error)
{
  g_autofree char *cache = sac_device_dup_cache_directory();
  struct gpu_device_params params = { .choice = { .index = index }, .cache_directory = cache };
  struct compute_error failure;
  g_mkdir_with_parents(cache, 0700);
  if (nn_device_open(device->instance, &params, &device->device, &device->findings, &failure) != COMPUTE_OK) {
    sac_error_set_from_compute(error, &failure);
    return FALSE;
  }
  device->index = index;
  return TRUE;
}

/* The best one that is not given up. One that fails is passed over from then on; the error is the first one's. */
static gboolean
open_best(SacDevice *device, GError **error)
{
  gsize count = gpu_instance_device_count(device->instance);
  g_autofree gsize *order = g_new(gsize, count + 1);
  g_autoptr(GError) first = NULL;
  count = gpu_instance_order_devices(device->instance, order);
  for (gsize i = 0; i < count; i++) {
    g_autoptr(GError) failure = NULL;
    if (order[i] >= MAX_DEVICES || (device->given_up >> order[i] & 1) != 0)
      continue;
    if (open_index(device, (int)order[i], &failure))
      return TRUE;
    device->given_up |= (guint64)1 << order[i];
    if (first == NULL)
      first = g_steal_pointer(&failure);
  }
  if (first != NULL) {
    g_propagate_error(error, g_steal_pointer(&first));
    return FALSE;
  }
  if (count == 0)
    return open_index(device, -1, error); /* which says what to install */
  g_set_error(error, SAC_ERROR, SAC_ERROR_DEVICE,
              _("Every Vulkan device stopped working and was given up: start the program again, or update the driver"));
  return FALSE;
}

gboolean
sac_device_open(SacDevice *device, int index, GError **error)
{
  struct compute_error failure;
  if (device->device != NULL)
    return TRUE;
  if (device->instance == NULL && gpu_instance_create(NULL, &device->instance, &failure) != COMPUTE_OK) {
    sac_error_set_from_compute(error, &failure);
    return FALSE;
  }
  const char *chosen = g_getenv("SACCADE_DEVICE");
  if (index < 0 && chosen != NULL && *chosen != '\0') {
    gint64 number;
    if (!g_ascii_string_to_signed(chosen, 10, -1, 1000, &number, NULL)) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_DEVICE,
                  _("SACCADE_DEVICE is “%s”, which is not a device's number: “saccade devices” lists them"), chosen);
      return FALSE;
    }
    index = (int)number;
  }
  /* The one that was asked for, until it is given up. */
  if (index >= 0 && (index >= MAX_DEVICES || (device->given_up >> index & 1) == 0))
    return open_index(device, index, error);
  return open_best(device, error);
}

gboolean
sac_device_recover(SacDevice *device, gboolean again, char **notice, GError **error)
{
  g_return_val_if_fail(device->device != NULL, FALSE);
  g_autofree char *name = g_strdup(gpu_device_get_info(device->device)->name);
  g_autoptr(GError) failure = NULL;
  int index = device->index;
  if (notice != NULL)
    *notice = NULL;
  sac_device_close(device);
  if (!again && open_index(device, index, &failure)) {
    if (notice != NULL)
      *notice = g_strdup_printf("“%s” stopped working; it was opened again and the work went on", name);
    return TRUE;
  }
  if (index < MAX_DEVICES)
    device->given_up |= (guint64)1 << index;
  g_autoptr(GError) none = NULL;
  if (!open_best(device, &none)) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_DEVICE,
        _("“%s” stops working again and again, and no other device can be used: what was done until now is kept. "
          "Update its driver or choose another device (saccade devices), and start again to go on"),
        name);
    return FALSE;
  }
  if (notice != NULL)
    *notice = g_strdup_printf("“%s” stopped working again and again and was given up; the work goes on with “%s”", name,
                              gpu_device_get_info(device->device)->name);
  return TRUE;
}

void
sac_device_close(SacDevice *device)
{
  gpu_device_close(&device->device);
  nn_findings_close(&device->findings);
}

void
sac_device_clear(SacDevice *device)
{
  sac_device_close(device);
  gpu_instance_destroy(&device->instance);
}
