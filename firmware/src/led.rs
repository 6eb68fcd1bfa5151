//! The LED of the board, if the build has one: lit while all is well, toggling while an update comes.

#[cfg(feature = "led")]
pub use with::BoardLeds;

/// A build without an LED.
#[cfg(not(feature = "led"))]
pub type BoardLeds = ();

#[cfg(feature = "led")]
mod with {
    use esp_hal::gpio::{Level, Output, OutputConfig};
    use esp_hal::peripherals::GPIO8;
    use updraft_agent::Leds;

    /// Whether the pin is high while the LED is lit. On most boards with an LED at GPIO 8 it is not.
    const LIT: Level = Level::Low;

    /// One LED, which shows the link. The board has none for modules.
    pub struct BoardLeds(Output<'static>);

    impl BoardLeds {
        /// The LED at this pin, lit.
        pub fn new(pin: GPIO8<'static>) -> Self {
            Self(Output::new(pin, LIT, OutputConfig::default()))
        }
    }

    impl Leds for BoardLeds {
        fn modules(&mut self, _: bool) {}

        fn link(&mut self, lit: bool) {
            self.0.set_level(if lit { LIT } else { !LIT });
        }
    }
}
