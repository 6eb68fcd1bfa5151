// The skeleton of an application: it says what it is and confirms that it works.

#include "esp_app_desc.h"
#include "esp_log.h"
#include "esp_ota_ops.h"

static const char *TAG = "app";

extern "C" void app_main(void)
{
    // What the server compares releases with, and what a report names: both are in the image.
    const esp_app_desc_t *app = esp_app_get_description();
    ESP_LOGI(TAG, "%s %s", app->project_name, app->version);

    // Start Wi-Fi and your modules here. Only when all of them work is the app confirmed: after any reset before that,
    // the bootloader starts the one before it.
    esp_ota_img_states_t state;
    const esp_partition_t *running = esp_ota_get_running_partition();
    if (esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY) {
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
    }

    // Then ask GET /firmwares/latest/esp32s3 every few minutes, or wait for an MQTT message: see docs/device.md.
}
